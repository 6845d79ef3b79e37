"""Coverage: what tests have exercised of each route, and of each operand of its filter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamroute.compiler.dry_run import decide
from streamroute.compiler.pipeline import check_path
from streamroute.ops.route_tests.coverage import Coverage, coverage


def covering(tmp_path: Path, routes: str, *payloads: dict[str, Any]) -> Coverage:
    path = tmp_path / "routes.yaml"
    path.write_text(f"version: 1\nstreams: {{s: }}\nroutes:\n{routes}", encoding="utf-8")
    compiled = check_path(path, imports=False).compiled
    assert compiled is not None
    configs = [route.config for route in compiled.routes]
    return coverage(configs, [one for payload in payloads for one in decide(configs, payload)])


FILTERED = "  - {name: r, type: t, filter: a && b, handler: h.x}\n"


def missed(seen: Coverage) -> list[str]:
    return [goal.missed for goal in seen.missed]


def test_a_route_with_a_filter_is_to_match_and_not_and_each_operand_is_to_be_both(tmp_path: Path) -> None:
    seen = covering(tmp_path, FILTERED)
    assert (len(seen.goals), seen.covered, seen.percent) == (6, 0, 0.0)
    assert missed(seen) == [
        "it never matched",
        "it matched every message of its type",
        "a was never true",
        "a was never false",
        "b was never true",
        "b was never false",
    ]


def test_an_operand_that_was_not_reached_is_not_covered(tmp_path: Path) -> None:
    seen = covering(tmp_path, FILTERED, {"type": "t", "b": 1}, {"type": "t", "a": 1, "b": 1})
    assert missed(seen) == ["b was never false"]
    assert round(seen.percent, 1) == 83.3


def test_a_message_of_another_type_covers_nothing(tmp_path: Path) -> None:
    assert covering(tmp_path, FILTERED, {"type": "u", "a": 1, "b": 1}).covered == 0


def test_a_route_without_a_filter_is_to_match(tmp_path: Path) -> None:
    routes = "  - {name: r, type: t, handler: h.x}\n"
    assert missed(covering(tmp_path, routes)) == ["it never matched"]
    assert covering(tmp_path, routes, {"type": "t"}).percent == 100.0


def test_a_filter_that_fails_neither_matches_nor_does_not(tmp_path: Path) -> None:
    routes = "  - {name: r, type: t, filter: abs(n) > `1`, handler: h.x}\n"
    assert covering(tmp_path, routes, {"type": "t"}).covered == 0


def test_disabled_routes_have_nothing_to_cover(tmp_path: Path) -> None:
    seen = covering(tmp_path, "  - {name: r, type: t, handler: h.x, enabled: false}\n")
    assert (len(seen.goals), seen.percent) == (0, 100.0)
