"""The garbage collector while a server runs: it runs less often, and is restored afterwards."""

from __future__ import annotations

import gc
import weakref

import pytest

from streamroute.ops.serve.gc_tuning import exclude_new_objects, rare_collections
from streamroute.system.background import background_thread


class Knot:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.me = self


def test_collections_are_rarer_inside_and_as_before_afterwards() -> None:
    before = gc.get_threshold()
    with rare_collections():
        assert gc.get_threshold()[0] > before[0]
        assert gc.get_threshold()[1:] == before[1:]
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_cycles_are_still_collected() -> None:
    """Failed handlers leave cycles behind (an exception, its traceback, the frame that holds it)."""
    with rare_collections():
        known = weakref.ref(Knot())
        ballast: list[list[int]] = [[] for _ in range(2 * gc.get_threshold()[0])]
        assert known() is None
    assert ballast


def test_the_collector_is_as_before_when_the_server_fails() -> None:
    before = gc.get_threshold()
    with pytest.raises(RuntimeError), rare_collections():
        raise RuntimeError
    assert gc.get_threshold() == before


def test_cycles_that_were_excluded_are_freed_in_the_end() -> None:
    """The container of a replaced configuration may be part of one."""
    with rare_collections():
        knot = Knot()
        known = weakref.ref(knot)
        loaded = load_many()
        exclude_new_objects()
        del knot
        gc.collect()
        assert known() is not None
        for _ in range(10):
            loaded = load_many()
            exclude_new_objects()
        assert known() is None
        assert gc.get_freeze_count() > len(loaded)


def load_many() -> list[list[int]]:
    """Make more objects than are left unsearched for long, as the loading of many routes does.

    Half a search is left over, so that the few objects that follow do not start one.
    """
    with background_thread():
        return [[] for _ in range(25 * gc.get_threshold()[0] // 2)]


def test_few_objects_are_not_excluded() -> None:
    with rare_collections():
        known = gc.get_freeze_count()
        loaded: list[list[int]] = [[] for _ in range(100)]
        exclude_new_objects()
        assert gc.get_freeze_count() <= known
    assert loaded
