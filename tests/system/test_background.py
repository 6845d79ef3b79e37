"""While a thread computes, it gives way often, and only new objects are searched for cycles."""

from __future__ import annotations

import gc
import sys

import pytest

from streamroute.system.background import background_thread


def settings() -> tuple[float, tuple[int, int, int]]:
    return sys.getswitchinterval(), gc.get_threshold()


def test_the_settings_are_those_of_before_when_the_last_thread_has_ended() -> None:
    before = settings()
    first, second = background_thread(), background_thread()
    with first:
        during = settings()
        assert during[0] < before[0] / 5
        assert during[1][0] == before[1][0]
        assert min(during[1][1:]) > 1000 * max(before[1][1:])
        with second:
            assert settings() == during
        assert settings() == during
    assert settings() == before


def test_a_shorter_switch_interval_is_kept() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        with background_thread():
            assert sys.getswitchinterval() < 2e-4
    finally:
        sys.setswitchinterval(before)


def test_the_settings_are_restored_after_an_error() -> None:
    before = settings()
    with pytest.raises(RuntimeError), background_thread():
        raise RuntimeError
    assert settings() == before
