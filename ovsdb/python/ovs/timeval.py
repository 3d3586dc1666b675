# SPDX-License-Identifier: Apache-2.0
"""A clock that is not set back."""
import time


def monotonic() -> float:
    """Seconds."""
    return time.monotonic()


def msec() -> float:
    """Milliseconds."""
    return time.monotonic() * 1000.0


def postfork() -> None:
    """The clock needs nothing after a fork; programs that call this may go on doing so."""
