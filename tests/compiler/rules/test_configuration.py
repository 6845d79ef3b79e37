"""What routes, streams and configurations mean beside each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamroute.cli.commands.checking.run import CheckOptions, check
from streamroute.compiler.pipeline import check_path

HEAD = "version: 1\nstreams: {events: , audits: }\n"


def found(tmp_path: Path, text: str, head: str = HEAD) -> list[str]:
    """``CODE line: message`` of each finding about the parts together; no handler is looked at."""
    path = tmp_path / "routes.yaml"
    path.write_text(head + text, encoding="utf-8")
    findings = check_path(path, env={}, imports=False).findings
    return [f"{one.code} {one.span.line}: {one.message}" for one in findings if one.code != "SR410"]


def routes(*lines: str) -> str:
    """Routes, in flow style; each takes ``t`` of ``events`` for ``h.x`` unless it says otherwise."""
    whole = ["{" + ", ".join([line.rstrip(", "), *_defaults(line)]) + "}" for line in (*lines, AUDIT)]
    return "routes:\n" + "".join(f"  - {line}\n" for line in whole)


AUDIT = "name: audit, stream: audits, handler: h.audit"


def _defaults(line: str) -> list[str]:
    defaults = {"stream": "events", "type": "t", "handler": "h.x"}
    return [f"{key}: {value}" for key, value in defaults.items() if f"{key}:" not in line]


# Duplicate routes

DUPLICATE = 'SR210 5: route "two" does the same as "one" on line 4: h.x runs twice'


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("", ""),
        ("filter: a.b == `1`", 'filter: "a.b==`1`"'),
        ("type: [s, t]", ""),
        ("stream: [events, audits]", ""),
        ("with: {a: 1}", "with: {a: 1}"),
        ("transform: '{a: b}'", "transform: '{ a: b }'"),
        ("timeout: 5s", "tags: [x]"),
    ],
)
def test_a_route_with_the_same_effect_as_another_is_found(tmp_path: Path, one: str, two: str) -> None:
    assert found(tmp_path, routes(f"name: one, {one}", f"name: two, {two}")) == [DUPLICATE]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("", "filter: a"),
        ("filter: 'a.b'", "filter: 'a.c'"),
        ("filter: \"a == 'b c'\"", "filter: \"a == 'b  c'\""),
        ("", "type: s"),
        ("", "stream: audits"),
        ("", "handler: h.y"),
        ("with: {a: 1}", "with: {a: 2}"),
        ("", "transform: '{a: b}'"),
        ("", "enabled: false"),
    ],
)
def test_routes_with_different_effects_are_not_duplicates(tmp_path: Path, one: str, two: str) -> None:
    assert found(tmp_path, routes(f"name: one, {one}", f"name: two, {two}")) == []


def test_a_name_that_is_there_twice_is_one_finding(tmp_path: Path) -> None:
    assert [line[:5] for line in found(tmp_path, routes("name: one", "name: one"))] == ["SR201"]


def test_a_twin_in_another_file_is_named_with_it(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text(
        "version: 1\nroutes: [{name: two, stream: events, type: t, handler: h.x}]\n", encoding="utf-8"
    )
    lines = found(tmp_path, "include: [part.yaml]\n" + routes("name: one"))
    assert lines == [
        f'SR210 2: route "two" does the same as "one" on {tmp_path}/routes.yaml:5: h.x runs twice'
    ]


# What is declared and not used


def test_a_stream_without_routes_is_found(tmp_path: Path) -> None:
    text = "routes: [{name: one, stream: events, type: t, handler: h.x}]\n"
    assert found(tmp_path, text) == ['SR211 2: stream "audits" has no routes, so it is not consumed']


def test_a_stream_that_is_forwarded_to_may_be_declared_for_its_codec(tmp_path: Path) -> None:
    text = (
        "routes: [{name: one, stream: events, type: t, handler: 'streamroute.handlers%sforward',"
        " with: {stream: audits}}]\n"
    )
    assert found(tmp_path, text % ".") == found(tmp_path, text % ":") == []


def test_a_disabled_route_uses_its_stream_and_its_type(tmp_path: Path) -> None:
    text = "messages: {t: {schema: {type: object}}}\n"
    assert found(tmp_path, text + routes("name: one, enabled: false")) == []


def test_a_configuration_without_any_routes_has_only_just_begun(tmp_path: Path) -> None:
    assert found(tmp_path, "messages: {t: {schema: {type: object}}}\n") == []


def test_a_catalogued_type_that_no_route_takes_is_found(tmp_path: Path) -> None:
    text = "messages: {t: {schema: {type: object}}, s.a: {schema: {type: object}}}\n"
    assert found(tmp_path, text + routes("name: one")) == ['SR212 3: no route matches the message type "s.a"']
    assert found(tmp_path, text + routes("name: one", "name: two, type: s.*")) == []


def test_a_misspelt_stream_does_not_make_the_declared_one_unused(tmp_path: Path) -> None:
    text = "routes: [{name: one, stream: event, type: t, handler: h.x}]\n"
    assert [line[:5] for line in found(tmp_path, text)] == ["SR202"]


# Settings without effect


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        ("max_attempts: 1", []),
        ("max_attempts: 1, delay: 5s", ["delay"]),
        ("max_attempts: 1, multiplier: 3, max_delay: 1m, jitter: 0", ["multiplier", "max_delay", "jitter"]),
        ("max_attempts: 2, delay: 5s, multiplier: 3", ["multiplier"]),
        ("max_attempts: 3, delay: 5s, multiplier: 3", []),
        ("delay: 0s, multiplier: 3", ["multiplier"]),
        ("delay: 1m, max_delay: 10s", ["delay"]),
        ("delay: 1m, max_delay: 10s, multiplier: 3", ["delay", "multiplier"]),
        ("delay: 1s, max_delay: 10m", []),
    ],
)
@pytest.mark.parametrize("where", ["route", "stream"])
def test_a_key_of_retry_that_changes_nothing_is_found(
    tmp_path: Path, retry: str, expected: list[str], where: str
) -> None:
    if where == "route":
        lines = found(tmp_path, routes(f"name: one, retry: {{{retry}}}"))
    else:
        head = f"version: 1\nstreams: {{audits: , events: {{retry: {{{retry}}}}}}}\n"
        lines = found(tmp_path, routes("name: one"), head)
    assert [line.partition(": ")[2].partition(" has no effect")[0] for line in lines] == [
        f'"{key}"' for key in expected
    ]


def test_a_stream_s_retry_has_effect_where_one_of_its_routes_needs_it(tmp_path: Path) -> None:
    head = "version: 1\nstreams: {audits: , events: {retry: {max_attempts: 1, delay: 5s}}}\n"
    assert found(tmp_path, routes("name: one", "name: two, type: s, retry: {max_attempts: 3}"), head) == []


def test_a_timeout_longer_than_the_grace_is_reported(tmp_path: Path) -> None:
    text = routes("name: one, timeout: 2m", "name: two, type: s, timeout: 30s", "name: three, type: r")
    assert found(tmp_path, text) == [
        'SR214 4: "timeout" (2m) is longer than "grace" (30s), which cuts attempts off on shutdown'
    ]


# Stall limits


@pytest.mark.parametrize(
    ("events", "defaults", "expected"),
    [
        ("", "", []),
        ("stall: 60s", "", []),
        ("stall: 59s", "", ['SR220 2: "stall" (59s) is shorter than "lease" (1m)']),
        ("lease: 10s, stall: 30s", "", []),
        ("lease: 10s, stall: 0s", "", ['SR220 2: "stall" (0ms) is shorter than "lease" (10s)']),
        ("lease: 2m", "stall: 90s", ['SR220 2: "stall" (90s) is shorter than "lease" (2m)']),
        ("stall: 2m", "stall: 10s, lease: 90s", ['SR220 3: "stall" (10s) is shorter than "lease" (90s)']),
        ("", "stall: 1s", ['SR220 3: "stall" (1s) is shorter than "lease" (1m)']),
    ],
)
def test_a_stall_limit_below_the_lease_is_found_where_it_is_stated(
    tmp_path: Path, events: str, defaults: str, expected: list[str]
) -> None:
    """In the defaults once, for however many streams."""
    head = f"version: 1\nstreams: {{events: {{{events}}}, audits: }}\ndefaults: {{{defaults}}}\n"
    lines = found(tmp_path, routes("name: one"), head)
    assert [line.removesuffix(": a worker gives up entries too early") for line in lines] == expected


def test_a_stall_limit_can_be_silenced_where_it_is_found(tmp_path: Path) -> None:
    head = "version: 1\nstreams: {events: {stall: 5s}, audits: }  # streamroute: ignore[SR220] for a test\n"
    assert found(tmp_path, routes("name: one"), head) == []
    # With an error elsewhere it is not looked for, and the comment is not blamed.
    lines = found(tmp_path, routes("name: one, stream: event"), head)
    assert [line[:5] for line in lines] == ["SR202"]


# Configurations beside each other


def both(tmp_path: Path, one: str, two: str) -> list[str]:
    for name, text in (("one", one), ("two", two)):
        (tmp_path / f"{name}.yaml").write_text(
            f"version: 1\n{text}\nroutes: [{{name: r, type: {name}, handler: h.x}}]\n", encoding="utf-8"
        )
    paths = tuple(str(tmp_path / f"{name}.yaml") for name in ("one", "two"))
    findings = check(CheckOptions(paths, imports=False)).report.findings
    return [str(finding) for finding in findings if finding.code != "SR410"]


REDIS = "redis: {url: redis://localhost}\nstreams: "


def test_two_configurations_that_disagree_about_one_group_are_found(tmp_path: Path) -> None:
    one, two = "{events: {group: g, lease: 10s, concurrency: 3}}", "{events: {group: g, retry: {delay: 5s}}}"
    (line,) = both(tmp_path, REDIS + one, REDIS + two)
    where = f"{tmp_path}/one.yaml:3"
    expected_text = (
        f'group "g" of stream "events" is also served by {where}, with a different "lease" and "retry"'
    )
    assert line == f"{tmp_path}/two.yaml:3:11: warning[SR215]: {expected_text}"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (REDIS + "{events: {group: g, lease: 10s}}", REDIS + "{events: {group: h}}"),
        (REDIS + "{events: {group: g, lease: 10s}}", REDIS + "{other: {group: g}}"),
        (REDIS + "{events: {group: g}}", REDIS + "{events: {group: g, concurrency: 2, grace: 5s}}"),
        (REDIS + "{events: {lease: 10s}}", "redis: {url: redis://elsewhere}\nstreams: {events: }"),
    ],
)
def test_groups_that_are_not_shared_or_agree_are_clean(tmp_path: Path, one: str, two: str) -> None:
    assert both(tmp_path, one, two) == []


@pytest.mark.parametrize(
    ("one", "two", "expected_text"),
    [
        (
            "{group: old}",
            "{group: new, formerly_group: old}",
            'stream "events" takes over group "old", which {where} still serves',
        ),
        (
            "{group: new, formerly_group: old}",
            "{group: old}",
            'group "old" of stream "events" is taken over by {where}',
        ),
        (
            "{group: new, formerly_group: old}",
            "{group: newer, formerly_group: old}",
            'stream "events" takes over group "old", as does {where}',
        ),
    ],
)
def test_a_group_that_another_configuration_serves_or_moves_cannot_be_moved(
    tmp_path: Path, one: str, two: str, expected_text: str
) -> None:
    (line,) = both(tmp_path, f"{REDIS}{{events: {one}}}", f"{REDIS}{{events: {two}}}")
    expected = expected_text.format(where=f"{tmp_path}/one.yaml:3")
    assert line == f"{tmp_path}/two.yaml:3:11: warning[SR215]: {expected}"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("{group: new, formerly_group: old}", "{group: new, formerly_group: old}"),
        ("{group: new, formerly_group: old}", "{group: new}"),
        ("{group: new, formerly_group: old}", "{group: another, formerly_group: older}"),
        ("{group: g, stall: 2m, on_stuck: exit}", "{group: g}"),
    ],
)
def test_groups_that_are_moved_apart_or_together_are_clean(tmp_path: Path, one: str, two: str) -> None:
    assert both(tmp_path, f"{REDIS}{{events: {one}}}", f"{REDIS}{{events: {two}}}") == []


def test_a_disagreement_can_be_silenced_where_it_is_found(tmp_path: Path) -> None:
    one = REDIS + "{events: {group: g, lease: 10s}}"
    assert both(tmp_path, one, REDIS + "{events: {group: g}}  # streamroute: ignore[SR215] a rollout") == []


def test_the_embedded_servers_of_two_folders_are_two(tmp_path: Path) -> None:
    for name, lease in (("one", "10s"), ("two", "20s")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "routes.yaml").write_text(
            f"version: 1\nstreams: {{events: {{lease: {lease}}}}}\n", encoding="utf-8"
        )
    paths = (str(tmp_path / "one"), str(tmp_path / "two"))
    assert check(CheckOptions(paths)).report.findings == []


def test_routes_of_one_handler_are_not_compared_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand tenants of one handler: few expressions are compared token by token."""
    compared: list[str] = []
    monkeypatch.setattr(
        "streamroute.expressions.syntax.lexer._without_spaces",
        lambda text: compared.append(str(text)),
    )
    lines = [f"- {{name: r{at}, type: t, handler: a.b, filter: tenant == 't{at}'}}" for at in range(300)]
    lines.append("- {name: same, type: t, handler: a.b, filter: tenant=='t7'}")
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\nstreams: {bot_events: }\nroutes:\n" + "\n".join(lines))
    check_path(path, imports=False)
    assert set(compared) == {"tenant == 't7'", "tenant=='t7'"}


# Timeouts out of reach


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("timeout: 25s", ['SR216 5: "timeout" (25s) is never reached: the handler times out after 10s']),
        ("timeout: 10s", []),
        ("", []),
        ("timeout: 5s", []),
        (
            "timeout: 5s, with: {url: 'http://a', timeout: 20s}",
            ['SR216 5: "timeout" (20s) is never reached: the route times out after 5s'],
        ),
        ("timeout: 25s, with: {url: 'http://a', timeout: 25s}", []),
    ],
)
def test_a_timeout_behind_another_one_is_found(tmp_path: Path, keys: str, expected: list[str]) -> None:
    given = keys if "with:" in keys else f"{keys}, with: {{url: 'http://a'}}".removeprefix(", ")
    route = f"name: one, handler: streamroute.handlers.webhook, {given}"
    assert found(tmp_path, routes("name: zero, type: s", route)) == expected
