"""The gate compares the least disturbed rounds, and measures again what is above its bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from cases import BARE, BARE_FAST, ROUTED, ROUTED_FAST
from gate import BOUNDS, exceeded
from measuring import Figures, Variant

BOUND = {ROUTED: 1.5, ROUTED_FAST: 1.5}


def machine(*turns: dict[Variant, list[float]]) -> Callable[[Sequence[Variant]], list[Figures]]:
    """Return a measurement that has these processor times, one try after the other."""
    left = iter(turns)

    def measure(variants: Sequence[Variant]) -> list[Figures]:
        cpu = next(left)
        assert set(variants) == set(cpu)
        return [Figures(each, cpu_us=cpu[each]) for each in variants]

    return measure


def test_the_least_disturbed_rounds_are_compared() -> None:
    once = machine({BARE: [9, 2], ROUTED: [3, 30], BARE_FAST: [1], ROUTED_FAST: [1.2]})
    assert exceeded(BOUND, 3, once) == []


def test_only_what_is_above_its_bound_is_measured_again(capsys: pytest.CaptureFixture[str]) -> None:
    tries = machine(
        {BARE: [2.0], ROUTED: [3.0], BARE_FAST: [1.0], ROUTED_FAST: [1.6]},
        {BARE_FAST: [1.0], ROUTED_FAST: [1.4]},
    )
    assert exceeded(BOUND, 3, tries) == []
    assert "streamroute[fast]: ratio 1.60, bound 1.5\n" in capsys.readouterr().out


def test_code_that_is_slower_in_each_try_is_refused() -> None:
    slow = {BARE_FAST: [1.0], ROUTED_FAST: [1.6]}
    tries = machine({BARE: [2.0], ROUTED: [2.0], **slow}, slow, slow)
    assert exceeded(BOUND, 3, tries) == [ROUTED_FAST]


def test_each_bound_has_a_base() -> None:
    assert all(variant.base for variant in BOUNDS)
