"""``streamroute audit``: what operators did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Done, Project

AUDIT = "{events}:tests:audit"


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that is this process's working folder."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    project.routes("name: ok, type: t, handler: jobs.ok")
    return project


def test_nothing_was_done(shop: Project, command: Callable[..., Done]) -> None:
    done = command("audit")
    assert (done.code, done.out) == (0, "no action is recorded\n")
    assert json.loads(command("audit", "--format", "json").out) == {"actions": []}


def test_actions_are_listed_newest_first(shop: Project, command: Callable[..., Done]) -> None:
    facts = {"action": "dead drop", "who": "ann", "target": "--route a", "result": "done", "count": "0"}
    shop.redis.xadd(AUDIT, facts, id="1700000000000-0")
    shop.redis.xadd(AUDIT, {"action": "\x1b[31mpause", "who": "bob"}, id="1700000001000-0")
    head, first, second = command("audit").out.splitlines()
    assert head.split() == ["time", "who", "action", "stream", "target", "count", "result", "reason"]
    assert first.startswith("2023-11-14T22:13:21+00:00  bob")
    assert "\x1b" not in first
    assert second.split()[1:] == ["ann", "dead", "drop", "events", "--route", "a", "0", "done", "-"]
    assert len(command("audit", "--last", "1").out.splitlines()) == 2


def test_json_has_every_fact(shop: Project, command: Callable[..., Done]) -> None:
    shop.redis.xadd(AUDIT, {"action": "pause", "who": "bob", "count": "3"}, id="1700000001000-0")
    assert json.loads(command("audit", "--stream", "events", "--format", "json").out)["actions"] == [
        {
            "id": "1700000001000-0",
            "time": "2023-11-14T22:13:21+00:00",
            "stream": "events",
            "who": "bob",
            "action": "pause",
            "target": "",
            "count": 3,
            "result": "",
            "reason": "",
        }
    ]


def test_a_stream_that_is_not_configured_is_a_usage_error(
    shop: Project, command: Callable[..., Done]
) -> None:
    done = command("audit", "--stream", "event")
    assert done.code == 2
    assert 'did you mean "events"?' in done.err


def test_actions_on_a_renamed_group_stay_listed(shop: Project, command: Callable[..., Done]) -> None:
    shop.redis.xadd("{events}:old:audit", {"action": "pause", "who": "bob"}, id="1700000001000-0")
    config = (shop.folder / "routes.yaml").read_text()
    shop.write("routes.yaml", config.replace("group: tests", "group: tests\n    formerly_group: old"))
    assert [each["who"] for each in json.loads(command("audit", "--format", "json").out)["actions"]] == [
        "bob"
    ]
