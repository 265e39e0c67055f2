# SPDX-License-Identifier: Apache-2.0
"""What tests of the running program share: a Braid, a PostgreSQL, waiting, and a verdict."""
