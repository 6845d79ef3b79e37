"""The aims are computed from the figures of a run, beside the base of each variant."""

from __future__ import annotations

import pytest
from aims import AIMS, Aim, Measured, rows
from cases import BARE, FILTERED_FAST, LOOPS, ROUTED, SKIPPED, THOUSAND, UNLISTED_FAST, WAITING
from latency import Latency
from measuring import Figures, Variant


def figures(variant: Variant, rate: float, cpu: float = 1.0, server: float = 1.0) -> Figures:
    return Figures(variant, [rate], [cpu], [server])


def reached(measured: Measured) -> dict[str, tuple[str, str]]:
    return {what: (figure, met) for what, _, figure, met in rows(measured)}


def test_a_ratio_is_to_the_base_of_the_variant() -> None:
    measured = Measured([figures(BARE, 100, 10, 2), figures(ROUTED, 150, 8, 3)])
    assert measured.rate(ROUTED) == 1.5
    assert measured.cpu(ROUTED) == 0.8
    assert measured.server(ROUTED) == 1.5


@pytest.mark.parametrize(("figure", "met"), [(1.39, "no"), (1.4, "yes"), (2.0, "yes")])
def test_a_figure_that_is_high_enough_is_met(figure: float, met: str) -> None:
    aim = Aim("rate", lambda _: figure, 1.4, at_least=True)
    assert aim.row(Measured([])) == ["rate", "≥ 1.4", f"{figure:.2f}", met]


@pytest.mark.parametrize(("figure", "met"), [(0.5, "yes"), (0.9, "yes"), (0.91, "no")])
def test_a_figure_that_is_low_enough_is_met(figure: float, met: str) -> None:
    assert Aim("cpu", lambda _: figure, 0.9).row(Measured([])) == ["cpu", "≤ 0.9", f"{figure:.2f}", met]


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert {row[-1] for row in rows(Measured([figures(BARE, 100), figures(ROUTED, 150)]))[2:4]} == {
        "not measured"
    }


def test_every_aim_has_a_figure_in_a_full_run() -> None:
    variants = dict.fromkeys([*LOOPS, *SKIPPED, *WAITING])
    found = Measured(
        [figures(variant, 100) for variant in variants],
        {"check 10": 49, "check 10000": 30, "read 10000": 20},
        {"idle, bare": Latency(10, 20), "idle, routed": Latency(12, 22)},
        {1: {"cpu_us": 10}, 200: {"cpu_us": 14}},
    )
    assert "not measured" not in {met for _, met in reached(found).values()}
    assert len(reached(found)) == len(AIMS)
    assert reached(found)["latency, median, to a bare loop"] == ("1.20", "no")
    assert reached(found)["`check` of 10 routes, ms above the interpreter"] == ("49", "yes")


def test_each_base_is_a_variant_of_the_same_run() -> None:
    for run in ((*LOOPS, *SKIPPED), WAITING, THOUSAND):
        names = {each.name for each in run}
        assert {each.base for each in run} - {""} <= names
    assert UNLISTED_FAST.base == FILTERED_FAST.base == "streamroute[fast]"
