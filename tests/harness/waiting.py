# SPDX-License-Identifier: Apache-2.0
"""Waiting for a fact instead of for time."""
import time

PAUSE_SECONDS = 0.01


def eventually(condition, what, seconds=30):
    """What condition() gives as soon as it is true; AssertionError with `what` after the deadline.

    `what` is a text, or a function that gives one when it is needed.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(PAUSE_SECONDS)
