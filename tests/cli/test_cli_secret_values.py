"""A variable's value is in no output of any command, in no format, wherever the variable is used."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from projects import Done, Project
from streamroute.cli.output.formats import FORMATS

PLACES: tuple[tuple[str, ...], ...] = (
    ("url",),
    ("group",),
    ("formerly_group",),
    ("codec",),
    ("concurrency",),
    ("lease",),
    ("stall",),
    ("claim_interval",),
    ("max_deliveries",),
    ("grace",),
    ("on_stuck",),
    ("retry", "max_attempts"),
    ("retry", "delay"),
    ("retry", "multiplier"),
    ("retry", "max_delay"),
    ("retry", "jitter"),
    ("dead_letter",),
    ("order_by",),
    ("trim", "keep"),
    ("unknown_type",),
    ("validate",),
)
"""Every key that accepts a variable."""

FORMS = (
    "{}", "{} b", "{}.b", "a.{}", "a:{}", "{}:{}", "{{}}x", "s:{}:dead", "contians({})", "{}(", "'{}'",
    "{} == '", "u:{}@host", "h:{}", "h/{}", "?{}", "//{}", "5{}", "{}s", "{}\nx", "`{}", "redis://{}/x", "redis://u:{}@h:x",
    "redis+cluster://{}", "{}://h", "embedded:{}", "99{}d",
)  # fmt: skip
"""Values of a variable, good and bad for each key, with the secret inside."""

QUIET = (
    *(("check", "--no-import", "--format", output_format) for output_format in FORMATS),
    ("check", "--env"),
    ("check", "--diff"),
    ("routes",),
    ("routes", "--format", "json"),
    ("routes", "--graph", "dot"),
    ("routes", "--graph", "svg"),
    ("explain", "--type", "t"),
    ("explain", "--type", "t", "--all", "--format", "json"),
    ("test",),
    ("test", "--format", "json"),
)


def configuration(place: tuple[str, ...], value: str, url: str) -> dict[str, Any]:
    stream: dict[str, Any] = {"group": "g"}
    redis: dict[str, Any] = {"url": url}
    at = redis if place == ("url",) else stream
    for key in place[:-1]:
        at = at.setdefault(key, {})
    at[place[-1]] = value
    route = {"type": "t", "handler": "streamroute.handlers.log", "timeout": "1d"}
    return {
        "version": 1,
        "redis": redis,
        "streams": {"s": stream, "other": {"group": "g2", "dead_letter": "s"}},
        "routes": [{"name": "r", "stream": "s", **route}, {"name": "r2", "stream": "other", **route}],
    }


def outputs(command: Callable[..., Done], arguments: tuple[str, ...]) -> Iterator[str]:
    done = command(*arguments)
    assert done.code in (0, 1, 2, 4), (arguments, done)
    yield done.out
    yield done.err


@pytest.mark.deep
@pytest.mark.parametrize("place", PLACES, ids=".".join)
@pytest.mark.parametrize("url", ["embedded", "redis+cluster://127.0.0.1:1"])
def test_findings_and_drawings_do_not_show_values_of_variables(
    lone_project: Project,
    command: Callable[..., Done],
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[str, ...],
    url: str,
) -> None:
    monkeypatch.chdir(lone_project.folder)
    tests = {"version": 1, "tests": [{"name": "n", "message": {"type": "t"}, "stream": "s", "routes": []}]}
    lone_project.write("routes.test.yaml", json.dumps(tests))
    for number, output_format in enumerate(FORMS):
        secret = f"x{secrets.token_hex(8)}"
        monkeypatch.setenv("S", output_format.replace("{}", secret))
        written = "a${S}" if number % 4 == 3 else "${S}"
        lone_project.write("routes.yaml", json.dumps(configuration(place, written, url)))
        commands = QUIET if number == 0 else QUIET[:1]
        shown = [text for arguments in commands for text in outputs(command, arguments)]
        assert not any(secret in text for text in shown), (output_format, written, shown)


def test_two_configurations_that_disagree_do_not_show_it(
    lone_project: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lone_project.folder)
    secret = secrets.token_hex(8)
    monkeypatch.setenv("S", secret)
    for folder, lease, former in (("a", "1s", "x"), ("b", "2s", "x"), ("c", "1s", "${S}")):
        made = configuration(("group",), "${S}" if former == "x" else "g3", "embedded")
        made["redis"]["url"] = "redis://127.0.0.1:1"
        made["streams"]["s"] |= {"lease": lease, "formerly_group": former}
        Path(folder).mkdir()
        (Path(folder) / "routes.yaml").write_text(json.dumps(made), encoding="utf-8")
    out = command("check", "a", "b", "c").out
    assert "SR215" in out
    assert '"${S}"' in out
    assert secret not in out


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (
            "codec",
            "no.such.Codec",
            'the value of "${S}" violates the rule "missing-module"',
        ),
        (
            "order_by",
            "contians(a, b)",
            'the value of "${S}" violates the rule "unknown-function"',
        ),
        ("dead_letter", "s", 'the dead letters of "s" go to the stream itself'),
        ("dead_letter", "other", """"s" go to "${S}", whose dead letters come back here"""),
    ],
)
def test_the_problem_is_reported_without_the_value(
    lone_project: Project,
    command: Callable[..., Done],
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    value: str,
    expected: str,
) -> None:
    monkeypatch.chdir(lone_project.folder)
    monkeypatch.setenv("S", value)
    lone_project.write("routes.yaml", json.dumps(configuration((key,), "${S}", "embedded")))
    assert expected in command("check").out
