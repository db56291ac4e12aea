"""Waiting for something to become true, instead of sleeping and hoping."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

TIME_FACTOR = float(os.environ.get("WAYBILL_TIME_FACTOR", "1"))
"""How much longer to wait for all things than usual, for a binary that is slower than usual."""


def wait_for(
    probe: Callable[[], Value], what: str = "the condition", seconds: float = 5.0
) -> Value:
    """Polls `probe` until its value is truthy and returns it; fails after `seconds`."""
    deadline = time.monotonic() + seconds * TIME_FACTOR
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds * TIME_FACTOR:g} s")
        time.sleep(0.01)
