"""The screen of ``top``: keys, order, filter, and its size."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.overview.group_overview import GroupOverview
from streamroute.cli.commands.observing.top_view import TopView
from streamroute.ops.status.ranking import Ranking
from streamroute.ops.status.route_status import RouteStatus
from streamroute.ops.status.stream_status import Status, stream_status


def status(*routes: RouteStatus, stream: str = "events") -> Status:
    plain = stream_status(stream, "tests", "dead", GroupOverview(1, exists=True, unread=7, pending=1))
    return Status(1, (replace(plain, routes=routes),))


BOTH = status(RouteStatus("busy", rate=100), RouteStatus("slow", rate=1, p99=9.0))


def view() -> TopView:
    return TopView(status=BOTH)


def order(shown: TopView) -> list[str]:
    return [
        line.split()[0] for line in shown.screen(80, 24).splitlines() if line.startswith(("busy", "slow"))
    ]


def test_keys_sort_and_quit() -> None:
    shown = view()
    assert order(shown) == ["busy", "slow"]
    shown.press("l")
    assert order(shown) == ["slow", "busy"]
    shown.press("f")
    assert shown.ranking is Ranking.FAILURES
    shown.press("r")
    assert order(shown) == ["busy", "slow"]
    assert not shown.is_done
    shown.press("q")
    assert shown.is_done


def test_a_filter_is_typed_and_corrected_and_applies_at_once() -> None:
    shown = view()
    shown.press("/")
    assert "filter: _" in shown.screen(80, 24)
    shown.press("slx\x7f")
    assert order(shown) == ["slow"]
    shown.press("q")  # a letter of the filter
    assert not shown.is_done
    shown.press("\x7f\r")
    assert "filter: sl\n" in shown.screen(80, 24)
    shown.press("\x1b")
    assert order(shown) == ["busy", "slow"]


@pytest.mark.parametrize("keys", ["\x1b[A", "\x1bOP", "\x1b[200~"])
def test_special_keys_change_nothing(keys: str) -> None:
    shown, typing = view(), view()
    shown.press(keys)
    typing.press("/")
    typing.press(keys)
    assert (shown.ranking, shown.filter, shown.is_done) == (Ranking.RATE, "", False)
    assert (typing.filter, typing.is_editing) == ("", True)


def test_without_a_status_the_problem_is_shown_and_after_one_both() -> None:
    assert "Redis is away" in TopView(problem="Redis is away").screen(80, 24)
    shown = view()
    shown.problem = "Redis is away"
    assert "Redis is away" in shown.screen(80, 24)
    assert order(shown) == ["busy", "slow"]


def test_names_cannot_move_the_cursor() -> None:
    evil = "a\x1b[2J\nb"
    shown = TopView(status=status(RouteStatus(evil, rate=1), stream=evil), filter="a\x1b", problem=evil)
    assert "\x1b" not in shown.screen(80, 24)


@given(
    st.lists(
        st.builds(RouteStatus, st.text(max_size=100), st.floats(0, 1e6), st.floats(0, 1e6)), max_size=60
    ),
    st.integers(60, 200),
    st.integers(1, 60),
    st.booleans(),
)
def test_the_screen_fits_in_the_terminal(
    routes: list[RouteStatus], width: int, height: int, has_problem: bool
) -> None:
    shown = TopView(status=status(*routes), problem="p" * 500 if has_problem else "")
    lines = shown.screen(width, height).split("\n")
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


@given(st.text(max_size=30))
def test_no_keys_break_the_view(keys: str) -> None:
    shown = view()
    shown.press(keys)
    assert len(shown.screen(80, 24).split("\n")) <= 24
