# SPDX-License-Identifier: Apache-2.0
"""Programs that must not outlive the test that started them."""
import ctypes
import os
import select
import signal
import subprocess

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def die_with_parent():
    """Runs in the child: the kernel kills it when the test ends, however that ends."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(command, **options):
    """A Popen of a program that dies with this one."""
    return subprocess.Popen([os.fspath(part) for part in command],
                            preexec_fn=die_with_parent, **options)


def first_line(process, seconds):
    """The first line of its standard output; '' if it ended or was silent for too long."""
    text = b""
    descriptor = process.stdout.fileno()
    while not text.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], seconds)
        piece = os.read(descriptor, 4096) if ready else b""
        if not piece:
            break
        text += piece
    return text.decode()
