"""Tune Python's cycle collector for a process that holds a thousand messages at any time.

By default it searches for cycles after every 700 new objects, and repeatedly scans everything imported and
compiled at the start: up to a quarter of the cost of a message. Messages are not part of cycles, and are
freed without it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

_NEW_OBJECTS: Final = 20_000  # some megabytes if all of them are garbage
_EXCLUSIONS: Final = 10

_exclusions = count(1)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collect after 20,000 new objects instead of 700, and exclude existing objects.

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


def exclude_new_objects() -> None:
    """Exclude the objects of a configuration that was loaded since, if they are many.

    Without a search, which would stop the process for a tenth of a second with ten thousand routes: what is
    replaced is freed by its reference counts. Cycles of other code's objects, such as those of containers,
    are searched for at every tenth call. Used inside ``rare_collections``, after ``background_thread``.
    """
    if gc.get_count()[1] <= gc.get_threshold()[1]:
        return  # no search of more than new objects is due
    if next(_exclusions) % _EXCLUSIONS == 0:
        gc.unfreeze()
        gc.collect()
    gc.freeze()
