"""Former names of routes and groups: each is taken over once, and only where nobody has it now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from streamroute.compiler.pipeline import check_path
from streamroute.compiler.rules.former_names import current_name_of
from streamroute.config.document import Document


def findings(folder: Path, text: str) -> list[str]:
    """``CODE line: message`` of each finding; no handler is looked at."""
    (folder / "routes.yaml").write_text(f"version: 1\n{text}", encoding="utf-8")
    found = check_path(folder, env={}, imports=False).findings
    return [f"{one.code} {one.span.line}: {one.message}" for one in found if one.code != "SR410"]


def routes(*lines: str, streams: str = "{events: , audits: }") -> str:
    """Routes in flow style from line 4 on; each takes a type of its own, of ``events`` unless it says so."""
    whole = [f"  - {{{line}, type: t{at}{_stream(line)}, handler: h.x}}\n" for at, line in enumerate(lines)]
    audit = "  - {name: audit, type: t, stream: audits, handler: h.audit}\n"
    return f"streams: {streams}\nroutes:\n{''.join(whole)}{audit if 'audits' in streams else ''}"


def _stream(line: str) -> str:
    return "" if "stream:" in line else ", stream: events"


@pytest.mark.parametrize(
    "lines",
    [
        ["name: one, formerly: old"],
        ["name: one, formerly: [old, older]", "name: two, formerly: other"],
        ["name: one, formerly: old", "name: two, formerly: old, stream: audits"],
        ["name: one, formerly: old, enabled: false"],
    ],
)
def test_unused_names_are_taken_over(tmp_path: Path, lines: Sequence[str]) -> None:
    assert findings(tmp_path, routes(*lines)) == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["name: one, formerly: two", "name: two"],
            ['SR206 4: former name "two" is the name of another route, on line 5'],
        ),
        (
            ["name: two, enabled: false", "name: one, formerly: [old, two]"],
            ['SR206 5: former name "two" is the name of a disabled route, on line 4'],
        ),
        (
            ["name: one, formerly: two", "name: two, stream: audits"],
            ['SR206 4: former name "two" is the name of another route, on line 5'],
        ),
        (
            ["name: one, formerly: two", "name: two, formerly: one"],
            [
                'SR206 4: former name "two" is the name of another route, on line 5',
                'SR206 5: former name "one" is the name of another route, on line 4',
            ],
        ),
        (["name: one, formerly: one"], ['SR206 4: former name "one" is the current name of this route']),
        (
            ["name: one, formerly: [old, one]"],
            ['SR206 4: former name "one" is the current name of this route'],
        ),
    ],
)
def test_a_name_that_a_route_has_now_cannot_be_taken_over(
    tmp_path: Path, lines: Sequence[str], expected: Sequence[str]
) -> None:
    """Whatever its streams, and whether it is enabled: what waits under a name is its route's."""
    assert findings(tmp_path, routes(*lines)) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["name: one, formerly: old", "name: two, formerly: old"],
            ['SR207 5: duplicate former name "old": first used by route "one" on line 4'],
        ),
        (
            ["name: one, formerly: old", "name: two, formerly: [older, old], enabled: false"],
            ['SR207 5: duplicate former name "old": first used by route "one" on line 4'],
        ),
        (
            [
                "name: one, formerly: old, stream: audits",
                "name: two, formerly: old",
                "name: three, formerly: old, stream: [events, audits]",
            ],
            ['SR207 6: duplicate former name "old": first used by route "two" on line 5'],
        ),
        (
            ["name: one, formerly: two", "name: three, formerly: two", "name: two"],
            [
                'SR206 4: former name "two" is the name of another route, on line 6',
                'SR206 5: former name "two" is the name of another route, on line 6',
            ],
        ),
    ],
)
def test_two_routes_of_a_stream_cannot_take_over_one_name(
    tmp_path: Path, lines: Sequence[str], expected: Sequence[str]
) -> None:
    assert findings(tmp_path, routes(*lines)) == expected


def test_routes_without_a_stream_share_the_only_one(tmp_path: Path) -> None:
    lines = "".join(
        f"  - {{name: {name}, type: {name}, formerly: old, handler: h.x}}\n" for name in ("one", "two")
    )
    assert findings(tmp_path, f"streams: {{events: }}\nroutes:\n{lines}") == [
        'SR207 5: duplicate former name "old": first used by route "one" on line 4'
    ]


def test_a_route_that_was_copied_with_its_names_is_one_finding(tmp_path: Path) -> None:
    lines = ["name: one, formerly: old", "name: one, formerly: old"]
    assert [line[:5] for line in findings(tmp_path, routes(*lines))] == ["SR201"]


def test_a_name_in_another_file_is_named_with_it(tmp_path: Path) -> None:
    part = "version: 1\nroutes: [{name: new, formerly: one, stream: events, type: s, handler: h.x}]\n"
    (tmp_path / "part.yaml").write_text(part, encoding="utf-8")
    where = f"{tmp_path}/routes.yaml:4"
    assert findings(tmp_path, f"{routes('name: one')}include: [part.yaml]\n") == [
        f'SR206 2: former name "one" is the name of another route, on {where}'
    ]


def test_a_route_whose_own_name_cannot_be_used_owns_none(tmp_path: Path) -> None:
    """One cause, one finding."""
    lines = ["name: 'NOT A NAME', formerly: old", "name: two, formerly: older"]
    assert [line[:5] for line in findings(tmp_path, routes(*lines))] == ["SR107"]


# Groups


@pytest.mark.parametrize(
    ("streams", "defaults"),
    [
        ("{events: {group: new, formerly_group: old}}", "{}"),
        ("{events: {formerly_group: old}}", "{}"),
        ("{events: {group: new}}", "{formerly_group: old}"),
        ("{events: {group: new, formerly_group: older}}", "{group: old, formerly_group: old}"),
        ("{events: {group: new, formerly_group: old, dead_letter: '{events}:old:dead'}}", "{}"),
    ],
)
def test_a_renamed_group_is_reported(tmp_path: Path, streams: str, defaults: str) -> None:
    text = f"{routes('name: one', streams=streams)}defaults: {defaults}\n"
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(
    ("streams", "defaults", "expected"),
    [
        ("{events: {group: g, formerly_group: g}}", "{}", ["SR208 2"]),
        ("{events: {formerly_group: streamroute}}", "{}", ["SR208 2"]),
        ("{events: {group: '${G:-g}', formerly_group: g}}", "{}", ["SR208 2"]),
        ("{events: {group: old}}", "{group: new, formerly_group: old}", ["SR208 2"]),
        ("{events: }", "{formerly_group: streamroute}", ["SR208 5"]),
        ("{events: , audits: }", "{group: g, formerly_group: g}", ["SR208 6"]),
        ("{events: {group: g}, audits: {group: h}}", "{formerly_group: h}", ["SR208 2"]),
    ],
)
def test_the_current_group_is_no_former_one(
    tmp_path: Path, streams: str, defaults: str, expected: Sequence[str]
) -> None:
    text = f"{routes('name: one', streams=streams)}defaults: {defaults}\n"
    assert [line.partition(":")[0] for line in findings(tmp_path, text)] == expected


@pytest.mark.parametrize("key", ["retry", "due", "delayed", "meta"])
def test_dead_letters_do_not_go_where_the_former_group_kept_its_retries(tmp_path: Path, key: str) -> None:
    stream = f"{{group: new, formerly_group: old, dead_letter: '{{events}}:old:{key}'}}"
    lines = findings(tmp_path, routes("name: one", streams=f"{{events: {stream}}}"))
    assert [line[:5] for line in lines] == ["SR507"]


# What a name means


def document(folder: Path, text: str) -> Document:
    (folder / "routes.yaml").write_text(f"version: 1\n{text}", encoding="utf-8")
    loaded = check_path(folder, env={}, imports=False).document
    assert loaded is not None
    return loaded


def test_a_former_name_means_its_route_and_any_other_the_nearest(tmp_path: Path) -> None:
    known = document(tmp_path, routes("name: welcome", "name: thank, formerly: [welcom, greet]")).routes
    assert current_name_of("greet", known) == "thank"
    assert current_name_of("welcom", known) == "thank"
    assert current_name_of("thanks", known) == "thank"
    assert current_name_of("wellcome", known) == "welcome"
    assert current_name_of("nothing", known) is None
