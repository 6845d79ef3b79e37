"""``streamroute explain --stream NAME --id ID``: entries in Redis, and those that dead letters keep."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from servers import free_port
from streamroute.adapters.entries.records import DeadRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Done, Project

DEAD, ID = "{events}:tests:dead", "1718000000000-0"
BIG = 'name: big, type: t, filter: "n > `5`", handler: jobs.ok'


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that is this process's working folder."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    project.routes(BIG, "name: any, type: t, handler: jobs.ok")
    return project


@pytest.fixture
def explain(shop: Project, command: Callable[..., Done]) -> Callable[..., Done]:
    """Explain the entry ``ID`` of the stream ``events``."""
    return lambda *more: command("explain", "--stream", "events", "--id", ID, *more)


def add(shop: Project, entry_id: str = ID, **fields: str | bytes) -> None:
    shop.redis.xadd("events", fields or {"type": "t", "data": '{"n": 7}'}, id=entry_id)


def bury(shop: Project, **facts: Any) -> None:
    usual: dict[str, Any] = {
        "id": "7-0", "stream": "events", "group": "tests", "route": "big", "reason": "failed: E: x",
        "error": "E: x", "traceback": "", "attempt": 2, "deliveries": 1, "time": 1_700_000_000.0,
        "fields": {b"type": b"t", b"data": b'{"n": 1}'}, "generation": "abc",
    }  # fmt: skip
    shop.redis.xadd(DEAD, DeadRecord(**(usual | facts)).write(), id=ID)


def test_an_entry_is_explained_by_the_fields_in_redis(shop: Project, explain: Callable[..., Done]) -> None:
    add(shop)
    assert explain().out == (
        f"entry {ID} of events\n"
        "\n"
        "t: 2 of 2 routes of this type match\n"
        "\n"
        "big matches  (routes.yaml:13)\n"
        "  n > `5`  true\n"
        "    n      7\n"
        "\n"
        "any matches  (routes.yaml:14)\n"
        "  it has no filter\n"
    )
    shown = json.loads(explain("--format", "json").out)
    assert (shown["type"], shown["routes"]) == ("t", ["big", "any"])
    assert shown["entry"] == {"stream": "events", "id": ID, "dead_letter": None}


def test_a_dead_letter_shows_its_failure_then_and_its_routes_now(
    shop: Project, explain: Callable[..., Done]
) -> None:
    bury(shop)
    generation = json.loads(explain("--format", "json").out)["generation"]
    assert explain().out == (
        f"dead letter {ID} of events, entry 7-0: attempt 2 of big at 2023-11-14T22:13:20+00:00, config abc: "
        "failed: E: x\n"
        "\n"
        f"now, by routes.yaml (config {generation}):\n"
        "t: 1 of 2 routes of this type match\n"
        "\n"
        "big does not match  (routes.yaml:13)\n"
        "  n > `5`  false\n"
        "    n      1\n"
        "\n"
        "any matches  (routes.yaml:14)\n"
        "  it has no filter\n"
    )
    letter = json.loads(explain("--format", "json").out)["entry"]["dead_letter"]
    assert (letter["entry"], letter["route"], letter["generation"]) == ("7-0", "big", "abc")
    assert (letter["reason"], letter["attempt"]) == ("failed: E: x", 2)


def test_a_dead_letter_of_the_current_configuration_says_so(
    shop: Project, explain: Callable[..., Done]
) -> None:
    add(shop)
    generation = json.loads(explain("--format", "json").out)["generation"]
    shop.redis.delete("events")
    bury(shop, generation=generation, route=None, time=0.0)
    out = explain().out
    assert f"entry 7-0: attempt 2 of (no route), config {generation}: failed: E: x\n" in out
    assert f"\nthen and now, by routes.yaml (config {generation}):\n" in out


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"type": "t", "data": "{"}, 't: dead-lettered as a whole: the field "data" is not JSON'),
        ({"n": "\x1b[31m"}, "(no type): dead-lettered as a whole: the message has no type"),
        ({"data": '{"type": 7}'}, "(no type): dead-lettered as a whole: the type is not a string but int"),
    ],
)
def test_an_entry_that_no_route_gets_is_explained(
    shop: Project, explain: Callable[..., Done], fields: dict[str, str], reason: str
) -> None:
    add(shop, **fields)
    assert explain().out.startswith(f"entry {ID} of events\n\n{reason}")
    assert json.loads(explain("--format", "json").out)["invalid"]


def test_what_a_foreign_entry_contains_cannot_control_the_terminal(
    shop: Project, explain: Callable[..., Done]
) -> None:
    bury(shop, route="\x1b[31m", reason="a\nb", generation="\x1b[2J", time=1e300)
    out = explain().out
    assert "\x1b" not in out
    assert out.count("\n\n") == 3


def test_an_entry_of_another_group_or_stream_is_not_found(
    shop: Project, explain: Callable[..., Done]
) -> None:
    bury(shop, group="another")
    done = explain()
    assert (done.code, done.err) == (1, f'error: "events" has no entry {ID}, nor a dead letter of this id\n')


def test_a_dead_letter_that_cannot_be_read_is_an_error(shop: Project, explain: Callable[..., Done]) -> None:
    shop.redis.xadd(DEAD, {"hello": "world"}, id=ID)
    done = explain()
    assert (done.code, done.out) == (1, "")
    assert done.err == f"error: {ID} is not a dead letter of streamroute, or damaged\n"


@pytest.mark.parametrize(
    ("arguments", "expected_text"),
    [
        (("--id", ID), "--id requires --stream"),
        (("--id", "7", "--stream", "events"), '"7" is not the id of an entry, such as 1718000000000-0'),
        (("{}", "--id", ID, "--stream", "events"), "--id excludes EVENT, --type and --data"),
        (("--type", "t", "--id", ID, "--stream", "events"), "--id excludes EVENT, --type and --data"),
        (("--id", ID, "--stream", "event"), 'unknown stream "event"; did you mean "events"?'),
    ],
)
def test_options_that_name_no_entry_are_refused(
    shop: Project, command: Callable[..., Done], arguments: tuple[str, ...], expected_text: str
) -> None:
    done = command("explain", *arguments)
    assert (done.code, done.out) == (2, "")
    assert expected_text in done.err


OWN_CODEC = """
class Upper:
    name = "upper"
    def decode(self, fields):
        return {"type": fields[b"type"].decode().lower(), "n": 9}
    def encode(self, payload):
        return {b"type": payload["type"].encode()}
"""


def test_a_codec_of_the_project_is_imported_on_request(shop: Project, explain: Callable[..., Done]) -> None:
    routes = (shop.folder / "routes.yaml").read_text()
    shop.write("routes.yaml", routes.replace("group: tests", "group: tests\n    codec: own.Upper"))
    shop.write("own.py", OWN_CODEC)
    add(shop, type="T")
    done = explain()
    assert (done.code, done.out) == (2, "")
    assert 'add --import, which runs the project\'s codec "own.Upper" of "events"' in done.err
    assert "big matches" in explain("--import").out


def test_a_server_that_is_away_is_reported(
    shop: Project, explain: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}")
    assert explain().code == 4
    monkeypatch.delenv("REDIS_URL")
    done = explain("--no-embedded")
    assert (done.code, done.out) == (4, "")
