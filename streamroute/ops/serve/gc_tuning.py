"""Garbage: Python's cycle collector, set for a process that holds a thousand messages at any time.

By default it looks for cycles after every 700 new objects, and again and again at all that was imported and
compiled at the start: up to a quarter of what a message costs. A message is in no cycle: it is freed without.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_NEW_OBJECTS: Final = 20_000  # some megabytes, should all of them be garbage


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collect after 20,000 new objects instead of 700, and leave out what exists now.

    Source: https://docs.python.org/3/library/gc.html#gc.freeze
    """
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
