"""A dry run gives the verdict of the filter that routes messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.compiler import dry_run
from streamroute.compiler.api import compile_routes
from streamroute.compiler.dry_run import Decision, Verdict, decide
from streamroute.compiler.pipeline import check_path
from streamroute.compiler.trials.share import Share, position_of
from streamroute.expressions import filters
from streamroute.expressions.filters import FilterError

ROUTES = """
version: 1
streams: {bot_events: }
routes:
  - {name: strict, type: t, filter: length(tags) > `1`, handler: streamroute.handlers.log}
  - name: lenient
    type: t
    filter: length(tags) > `1`
    on_filter_error: no_match
    handler: streamroute.handlers.log
"""
PAYLOADS: list[dict[str, Any]] = [{"type": "t", "tags": tags} for tags in (None, [], [1, 2])]


def routed(accepts: Callable[[Any], bool], payload: dict[str, Any]) -> Verdict:
    """Run the filter of a router."""
    try:
        return Verdict.MATCHED if accepts(payload) else Verdict.NOT_MATCHED
    except FilterError:
        return Verdict.FAILED


@pytest.fixture
def other_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    """``no_match`` means that the route matches."""

    def matching(accepts: Callable[[Any], bool], _warn: object) -> Callable[[Any], bool]:
        return lambda payload: routed(accepts, payload) is not Verdict.NOT_MATCHED

    monkeypatch.setattr(filters, "no_match", matching)
    dry_run._dry_run.cache_clear()


def verdicts(folder: Path) -> list[list[Verdict]]:
    """Return the verdicts of the dry run, which must be those of the router."""
    folder.joinpath("routes.yaml").write_text(ROUTES)
    document = check_path(folder).document
    assert document is not None
    [router] = compile_routes(folder)["bot_events"]
    dry = [[decision.verdict for decision in decide(document.routes, payload)] for payload in PAYLOADS]
    accepting = [accepts for _, accepts in router.handlers["t"] if accepts is not None]
    assert dry == [[routed(accepts, payload) for accepts in accepting] for payload in PAYLOADS]
    return dry


def test_a_failed_filter_fails_the_route_or_does_not_match(tmp_path: Path) -> None:
    assert verdicts(tmp_path) == [
        [Verdict.FAILED, Verdict.NOT_MATCHED],
        [Verdict.NOT_MATCHED, Verdict.NOT_MATCHED],
        [Verdict.MATCHED, Verdict.MATCHED],
    ]


@pytest.mark.usefixtures("other_meaning")
def test_the_meaning_of_a_failed_filter_has_one_place(tmp_path: Path) -> None:
    try:
        assert verdicts(tmp_path)[0] == [Verdict.FAILED, Verdict.MATCHED]
    finally:
        dry_run._dry_run.cache_clear()


SIDES = """
version: 1
streams: {bot_events: , orders: }
routes:
  - {name: old, stream: bot_events, type: t, filter: "OLD", handler: streamroute.handlers.log}
  - name: new
    stream: bot_events
    type: t
    filter: "NEW"
    transform: "{n: abs(n)}"
    handler: streamroute.handlers.log
    instead_of: old
    canary: {percent: 50, key: guest}
  - {name: shade, stream: bot_events, type: t, shadow: true, handler: streamroute.handlers.log}
  - {name: other, stream: orders, type: t, handler: streamroute.handlers.log}
"""
FILTERS = st.sampled_from(["n > `1`", "n < `1`", "length(n) > `1`", "guest"])


@given(FILTERS, FILTERS, st.none() | st.integers(0, 30), st.sampled_from([0, 2, "x", [1]]))
def test_the_sides_are_those_of_the_router(old: str, new: str, guest: int | None, n: Any) -> None:
    """Whatever the filters say, the dry run and the router agree on which route takes a message."""
    payload = {"type": "t", "guest": guest, "n": n}
    with TemporaryDirectory() as folder:
        Path(folder, "routes.yaml").write_text(SIDES.replace("OLD", old).replace("NEW", new))
        found = check_path(folder)
        assert found.document is not None
        [router] = compile_routes(folder)["bot_events"]
        decisions = {each.route.name: each for each in decide(found.document.routes, payload, "bot_events")}
    routes = {handler.__name__: accepts for handler, accepts in router.handlers["t"]}
    for name in ("old", "new"):
        accepts, decision = routes[name], decisions[name]
        assert accepts is not None
        verdict = routed(accepts, payload)
        assert (verdict is Verdict.FAILED) == (decision.fails and not decision.transform_error)
        assert (verdict is Verdict.MATCHED) == (decision.runs or bool(decision.transform_error))
    assert not (decisions["old"].runs and decisions["new"].runs)


def sides(tmp_path: Path, payload: dict[str, Any], stream: str | None = None) -> dict[str, Decision]:
    """Return the decisions of routes whose filters accept 2."""
    tmp_path.joinpath("routes.yaml").write_text(SIDES.replace("OLD", "n > `1`").replace("NEW", "n > `1`"))
    document = check_path(tmp_path).document
    assert document is not None
    return {each.route.name: each for each in decide(document.routes, {"type": "t", **payload}, stream)}


def guest_of(*, in_share: bool) -> int:
    """Return a guest inside or outside the share."""
    share = Share("new", "guest", 50)
    return next(guest for guest in range(100) if share.includes({"guest": guest}) is in_share)


@pytest.mark.parametrize(("in_share", "taker"), [(True, "new"), (False, "old")])
def test_each_side_says_who_takes_the_message_and_why(tmp_path: Path, in_share: bool, taker: str) -> None:
    guest = guest_of(in_share=in_share)
    decisions = sides(tmp_path, {"guest": guest, "n": 2})
    leaver = {"old": "new", "new": "old"}[taker]
    assert decisions[taker].runs
    assert (decisions[leaver].verdict, decisions[leaver].runs) == (Verdict.OTHER_SIDE, False)
    assert decisions[leaver].phrase == f"leaves the message to {taker}"
    for name in ("old", "new"):
        side = decisions[name].side
        assert side is not None
        assert side.reason == (
            f"guest is {guest}, at {position_of('new', guest) / 100:.2f}% of the keys of the canary new: "
            f"{'inside' if in_share else 'outside'} its share of 50%"
        )


def test_a_filter_that_does_not_match_leaves_the_message_to_the_other_route(tmp_path: Path) -> None:
    decisions = sides(tmp_path, {"guest": guest_of(in_share=True), "n": 0})
    assert decisions["new"].verdict is Verdict.NOT_MATCHED
    side = decisions["old"].side
    assert side is not None
    assert side.taker == "old"
    assert side.reason.endswith("inside its share of 50%, but its filter does not match")


def test_a_message_without_the_key_is_on_the_other_side(tmp_path: Path) -> None:
    side = sides(tmp_path, {"n": 2})["new"].side
    assert side is not None
    assert side.reason == "the key guest of the canary new is null, so it is not in the share"


def test_routes_that_do_not_see_the_message_have_no_side(tmp_path: Path) -> None:
    decisions = sides(tmp_path, {"n": 2}, "orders")
    assert [decision.side for decision in decisions.values()] == [None] * 4
    assert decisions["other"].runs


def test_a_shadow_matches_and_does_not_run(tmp_path: Path) -> None:
    shade = sides(tmp_path, {"n": 2})["shade"]
    assert (shade.verdict, shade.runs, shade.shadows, shade.phrase) == (
        Verdict.MATCHED,
        False,
        True,
        "is a shadow (it matches)",
    )
