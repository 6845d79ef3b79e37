"""A dry run gives the verdict of the filter that routes messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamroute.compiler import dry_run
from streamroute.compiler.api import compile_routes
from streamroute.compiler.dry_run import Verdict, decide
from streamroute.compiler.pipeline import check_path
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
