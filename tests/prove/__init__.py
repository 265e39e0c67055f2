# SPDX-License-Identifier: Apache-2.0
"""Seeded random testers of the running program; README.md says how to use them and to add one."""
