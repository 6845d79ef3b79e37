"""Waiting for conditions that are expensive to check."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ledger import now

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY = 0.04  # seconds between two checks


def wait_for(condition: Callable[[], Any], what: str, timeout: float) -> None:
    """Return once ``condition()`` is true. Raise TimeoutError naming ``what`` after ``timeout`` seconds."""
    deadline = now() + timeout
    pause = threading.Event()
    while not condition():
        if now() > deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        pause.wait(_EVERY)
