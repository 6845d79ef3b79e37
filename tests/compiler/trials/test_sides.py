"""The reason of a side: one line with the value of the key and its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamroute.compiler.trials.share import Placement, position_of
from streamroute.compiler.trials.sides import CanarySide, place
from streamroute.config.document import RouteConfig
from trial_pipelines import Noted, pipeline_of, routes_of


@pytest.fixture
def canary(tmp_path: Path) -> RouteConfig:
    """The canary ``new`` of ``old``, at 12.5 percent of the guests."""
    document = pipeline_of(tmp_path, routes_of(12.5), Noted()).document
    return next(route for route in document.routes if route.canary is not None)


def test_a_message_is_placed_by_its_key(canary: RouteConfig) -> None:
    for guest in range(50):
        position = position_of("new", guest)
        placed = place(canary, {"guest": {"id": guest}})
        assert placed == Placement(guest, position, is_included=position < 1250)
    assert place(canary, {}) == Placement()


@pytest.mark.parametrize(
    ("placement", "takes", "taker", "reason"),
    [
        (Placement(), False, "old", "the key guest.id of the canary new is null, so it is not in the share"),
        (
            Placement(error="the payload is nested too deeply"),
            False,
            "old",
            (
                "the key guest.id of the canary new failed (the payload is nested too deeply), "
                "so it is not in the share"
            ),
        ),
        (
            Placement("g\n", 7, is_included=True),
            True,
            "new",
            r'guest.id is "g\n", at 0.07% of the keys of the canary new: inside its share of 12.5%',
        ),
        (
            Placement([1], 9999, is_included=False),
            False,
            "old",
            "guest.id is [1], at 99.99% of the keys of the canary new: outside its share of 12.5%",
        ),
        (
            Placement(1, 7, is_included=True),
            False,
            "old",
            (
                "guest.id is 1, at 0.07% of the keys of the canary new: inside its share of 12.5%, "
                "but its filter does not match"
            ),
        ),
    ],
)
def test_the_reason_names_the_key_and_its_place(
    canary: RouteConfig, placement: Any, takes: bool, taker: str, reason: str
) -> None:
    side = CanarySide(canary, placement, takes)
    assert (side.taker, side.reason) == (taker, reason)
