"""Shadows and canaries in ``explain``, ``test`` and ``routes``."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from projects import Done, Project
from streamroute.compiler.trials.share import Share, position_of

CONFIG = """
version: 1
streams: {events: }
routes:
  - {name: old, type: booked, filter: nights > `1`, handler: streamroute.handlers.log}
  - name: new
    type: booked
    filter: nights > `1`
    handler: streamroute.handlers.log
    instead_of: old
    canary: {percent: 12.5, key: guest.id, stop_at: {dead: 1%}}
  - {name: shade, type: booked, shadow: true, filter: nights > `2`, handler: streamroute.handlers.log}
"""
SHARE = Share("new", "guest.id", 12.5)
IN = next(n for n in range(1000) if SHARE.includes({"guest": {"id": n}}))
OUT = next(n for n in range(1000) if not SHARE.includes({"guest": {"id": n}}))


@pytest.fixture(autouse=True)
def here(lone_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(lone_project.folder)
    lone_project.write("routes.yaml", CONFIG)
    return lone_project


def event(guest: int, nights: int = 2) -> str:
    return json.dumps({"type": "booked", "nights": nights, "guest": {"id": guest}})


def place(guest: int) -> str:
    """Return how a guest's place is explained, up to the side."""
    at = position_of("new", guest) / 100
    return f"guest.id is {guest}, at {at:.2f}% of the keys of the canary new: "


def test_explain_says_on_which_side_a_message_falls_and_why(command: Callable[..., Done]) -> None:
    shown = command("explain", event(IN)).out.splitlines()
    assert shown[0] == "booked: 1 of 3 routes of this type match"
    assert "old leaves the message to new  (routes.yaml:5)" in shown
    assert "new matches  (routes.yaml:6)" in shown
    assert shown.count(f"  {place(IN)}inside its share of 12.5%") == 2
    assert "shade is a shadow (it does not match)  (routes.yaml:12)" in shown
    outside = command("explain", event(OUT, 3)).out.splitlines()
    assert "new leaves the message to old  (routes.yaml:6)" in outside
    assert outside.count(f"  {place(OUT)}outside its share of 12.5%") == 2
    assert "shade is a shadow (it matches)  (routes.yaml:12)" in outside


def test_explain_has_the_side_in_json(command: Callable[..., Done]) -> None:
    shown = json.loads(command("explain", event(IN), "--format", "json").out)
    assert shown["routes"] == ["new"]
    old, new, shade = shown["decisions"]
    assert [row["verdict"] for row in (old, new, shade)] == ["other side", "matched", "not matched"]
    assert (old["shadow"], new["shadow"], shade["shadow"], shade["canary"]) == (False, False, True, None)
    assert (
        old["canary"]
        == new["canary"]
        == {
            "route": "new",
            "instead_of": "old",
            "key": IN,
            "position": position_of("new", IN),
            "in_share": True,
            "taken_by": "new",
            "reason": f"{place(IN)}inside its share of 12.5%",
        }
    )


def write_tests(project: Project, *tests: str) -> None:
    lines = [f"  - {{{test}}}\n" for test in tests]
    project.write("routes.test.yaml", "version: 1\ntests:\n" + "".join(lines))


def test_route_tests_expect_the_side_and_the_shadows(command: Callable[..., Done], here: Project) -> None:
    write_tests(
        here,
        f"name: inside, message: {event(IN)}, routes: [new], shadow: []",
        f"name: outside, message: {event(OUT, 3)}, routes: [old], shadow: [shade]",
        f"name: none, message: {event(IN, 1)}, routes: []",
    )
    done = command("test")
    assert done.code == 0, done.out
    assert "coverage of routes.yaml: 100.0%" in done.out


def test_a_wrong_side_and_a_wrong_shadow_have_reasons(command: Callable[..., Done], here: Project) -> None:
    write_tests(
        here,
        f"name: side, message: {event(IN)}, routes: [old]",
        f"name: quiet, message: {event(OUT, 3)}, routes: [old], shadow: []",
        f"name: loud, message: {event(OUT)}, routes: [old], shadow: [shade, old]",
        f"name: run, message: {event(OUT, 3)}, routes: [old, shade]",
    )
    done = command("test")
    assert done.code == 1
    lines = [line.strip() for line in done.out.splitlines()]
    for line in (
        "old was expected to match, but leaves the message to new",
        "new was not expected to match, but does",
        f"{place(IN)}inside its share of 12.5%",
        "the shadow shade was not expected to match, but does",
        "nights > `2` is true: nights is 3",
        "the shadow shade was expected to match, but is a shadow (it does not match)",
        "nights > `2` is false: nights is 2",
        "old was expected to be a shadow, but is not",
        "shade was expected to match, but is a shadow (it matches)",
    ):
        assert line in lines


def test_a_shadow_that_a_test_expects_to_run_is_a_finding(
    command: Callable[..., Done], here: Project
) -> None:
    write_tests(here, f"name: a, message: {event(OUT, 3)}, routes: [old, shade]")
    done = command("test")
    assert 'warning[SR602]: route "shade" is a shadow and never runs' in done.out
    assert '= help: list it under "shadow"' in done.out


def test_a_first_test_file_has_the_sides_and_the_shadows(command: Callable[..., Done], here: Project) -> None:
    here.write("events.jsonl", f"{event(IN)}\n{event(OUT, 3)}\n{event(OUT, 0)}\n")
    assert command("test", "--init", "events.jsonl").code == 0
    tests = (here.folder / "routes.test.yaml").read_text()
    assert "    routes: [new]\n" in tests
    assert "    routes: [old]\n    shadow: [shade]\n" in tests
    assert command("test").code == 0


def test_an_unknown_shadow_in_a_test_is_a_finding(command: Callable[..., Done], here: Project) -> None:
    write_tests(here, f"name: a, message: {event(OUT)}, routes: [old], shadow: [shad]")
    done = command("test")
    assert 'error[SR601]: unknown route "shad"; did you mean "shade"?' in done.out


def test_routes_shows_shares_and_shadows(command: Callable[..., Done]) -> None:
    rows = {line.split()[0]: line for line in command("routes").out.splitlines()[1:]}
    assert "12.5% of old" in rows["new"]
    assert " shadow " in rows["shade"]
    shown = {row["name"]: row for row in json.loads(command("routes", "--format", "json").out)}
    assert shown["new"]["canary"] == {
        "percent": 12.5,
        "key": "guest.id",
        "stop_at": {"dead": 1.0, "retry": None, "of": 200},
    }
    assert (shown["new"]["instead_of"], shown["shade"]["shadow"], shown["old"]["canary"]) == (
        "old",
        True,
        None,
    )


@pytest.mark.parametrize(
    ("kind", "canary", "shadow"),
    [
        ("mermaid", "new<br/>12.5#37; of old", "shade<br/>shadow"),
        (
            "dot",
            'label="new (12.5% of old)\\nnights > `1`"',
            'label="shade (shadow)\\nnights > `2`" style="dashed"',
        ),
        ("svg", "new (12.5% of old)", "shade (shadow)"),
    ],
)
def test_graphs_name_canaries_and_shadows(
    command: Callable[..., Done], kind: str, canary: str, shadow: str
) -> None:
    drawn = command("routes", "--graph", kind).out
    assert canary in drawn
    assert shadow in drawn
