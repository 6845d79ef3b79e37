"""``streamroute pause``, ``resume`` and ``paused``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Done, Project

    Command = Callable[..., Done]

PAUSED = "{events}:tests:paused"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that is this process's working folder."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    project.routes(
        "name: ok, type: t, handler: jobs.ok, formerly: good",
        "name: off, type: t, handler: jobs.ok, enabled: false",
        "name: watch, type: t, handler: jobs.ok, shadow: true",
    )
    return project


def test_nothing_is_paused(shop: Project, command: Command) -> None:
    assert command("paused").out == "nothing is paused\n"
    assert json.loads(command("paused", "--format", "json").out) == {"paused": []}


def test_a_route_is_paused_listed_and_resumed(shop: Project, command: Command) -> None:
    done = command("pause", "ok", "--reason", "the bank is down", "--as", "ann")
    assert (done.code, done.out) == (0, "paused the route ok of events, until it is resumed\n")
    shop.redis.zadd("{events}:tests:parked", {"ok|00000000000000000001-00000000000000000000|1-0|ok|1": 0})
    head, row = command("paused").out.splitlines()
    assert head.split() == ["stream", "route", "kind", "since", "until", "who", "parked", "reason"]
    assert re.fullmatch(rf"events  ok     manual  {TIME}  -      ann  +1  the bank is down", row)
    done = command("resume", "ok")
    assert done.code == 0
    said = rf"resumed the route ok of events; it was paused by ann since {TIME}: the bank is down\n"
    assert re.fullmatch(said, done.out)
    assert "returning" in command("paused").out


def test_a_second_pause_says_who_paused_before_and_why(shop: Project, command: Command) -> None:
    command("pause", "ok", "--reason", "the bank is down", "--as", "ann")
    done = command("pause", "ok", "--reason", "still down", "--as", "bob", "--for", "2h")
    said = (
        rf"paused the route ok of events, until {TIME}; it was paused by ann since {TIME}: the bank is down\n"
    )
    assert re.fullmatch(said, done.out)
    [item] = json.loads(command("paused", "--format", "json").out)["paused"]
    assert (item["who"], item["reason"], item["kind"], item["parked"]) == ("bob", "still down", "manual", 0)


def test_a_stream_is_paused(shop: Project, command: Command) -> None:
    assert command("pause", "--stream", "events").out == "paused the stream events, until it is resumed\n"
    assert shop.redis.hkeys(PAUSED) == [b""]
    [item] = json.loads(command("paused", "--format", "json").out)["paused"]
    assert (item["stream"], item["route"], item["parked"]) == ("events", None, None)
    assert command("resume", "--stream", "events").code == 0


def test_actions_are_in_the_audit_log(shop: Project, command: Command) -> None:
    command("pause", "ok", "--as", "ann", "--reason", "why")
    command("resume", "ok", "--as", "bob")
    resumed, paused = json.loads(command("audit", "--format", "json").out)["actions"]
    assert (paused["action"], paused["who"], paused["target"], paused["reason"]) == (
        *("pause", "ann", "route ok", "why"),
    )
    assert (resumed["action"], resumed["who"]) == ("resume", "bob")


def test_what_is_not_paused_cannot_be_resumed(shop: Project, command: Command) -> None:
    done = command("resume", "ok")
    assert (done.code, done.out) == (1, "the route ok of events is not paused\n")


@pytest.mark.parametrize("name", ["good", "removed"])
def test_a_pause_under_another_name_is_resumed(shop: Project, command: Command, name: str) -> None:
    """The route was renamed or removed since."""
    pause = {"kind": "manual", "since": 1_700_000_000_000, "who": "ann"}
    shop.redis.hset(PAUSED, name, json.dumps(pause))
    assert command("resume", "ok" if name == "good" else name).code == 0
    assert not shop.redis.exists(PAUSED)


def test_a_former_name_stands_for_the_current_one(shop: Project, command: Command) -> None:
    assert "paused the route ok of events" in command("pause", "good").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a route, or a whole stream with --stream"),
        (["oks"], 'the route "oks" is not configured'),
        (["off"], 'the route "off" is disabled'),
        (["watch"], 'the route "watch" is a shadow, whose handler does not run'),
        (["--stream", "event"], 'unknown stream "event"; did you mean "events"?'),
        (["ok", "--for", "soon"], "soon"),
    ],
)
def test_a_pause_that_makes_no_sense_is_refused(
    shop: Project, command: Command, arguments: list[str], said: str
) -> None:
    done = command("pause", *arguments)
    assert done.code == 2
    assert said in done.err


def test_foreign_values_are_shown_on_one_line(shop: Project, command: Command) -> None:
    foreign = {"kind": "manual", "since": 1_700_000_000_000, "who": "\x1b[31m", "reason": "a\nb"}
    shop.redis.hset(PAUSED, mapping={"ok": json.dumps(foreign), "\x07": "{"})
    out = command("paused").out
    assert len(out.splitlines()) == 3
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "damaged" in out


@pytest.mark.usefixtures("shop")
def test_the_reason_has_two_names(command: Command) -> None:
    """``--why`` is the name for commands whose ``--reason`` selects dead letters."""
    assert command("pause", "ok", "--why", "the bank is down").code == 0
    assert "the bank is down" in command("paused").out
