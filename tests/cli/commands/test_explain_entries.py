"""``streamroute explain --stream NAME --id ID``: entries in Redis, and those that dead letters keep."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from projects import ROUTES
from servers import free_port
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.compiler.pipeline import check_path
from streamroute.config.load import recording_reader
from streamroute.ops.generations.state_folder import state_folder
from streamroute.ops.generations.store import GenerationStore

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
    monkeypatch.setenv("XDG_STATE_HOME", str(project.folder / "states"))
    monkeypatch.delenv("STREAMROUTE_STATE_DIR", raising=False)
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
        f"dead letter {ID} of events, entry 7-0: attempt 2 of big at 2023-11-14T22:13:20+00:00, "
        "generation abc: failed: E: x\n"
        "\n"
        'then, by generation abc: no stored generation starts with "abc"\n'
        "\n"
        f"now, by routes.yaml (generation {generation}):\n"
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
    assert f"entry 7-0: attempt 2 of (no route), generation {generation}: failed: E: x\n" in out
    assert f"\nthen and now, by routes.yaml (generation {generation}):\n" in out


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
    assert out.count("\n\n") == 4


def test_a_dead_letter_with_huge_texts_is_shown_shortened(
    shop: Project, explain: Callable[..., Done]
) -> None:
    huge = "a" * 100_000
    bury(shop, id=huge, route=huge, reason=huge, generation=huge)
    assert len(explain().out) < 10_000


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


def keep() -> str:
    """Store the configuration on disk, as ``serve`` does when it runs; returns its generation."""
    reader = recording_reader("routes.yaml")
    document = check_path("routes.yaml", imports=False, files=reader).document
    assert document is not None
    store = GenerationStore(
        state_folder("routes.yaml"), now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    )
    store.add(reader.record(), document)
    return document.generation


def test_a_dead_letter_is_explained_by_its_generation_and_by_the_current_one(
    shop: Project, explain: Callable[..., Done]
) -> None:
    then = keep()
    shop.routes(BIG.replace("`5`", "`0`"))
    bury(shop, generation=then)
    assert explain().out.partition("\n\n")[2] == (
        f"then, by generation {then} of 2026-01-02T03:04:05+00:00:\n"
        "t: 1 of 2 routes of this type match\n"
        "\n"
        "big does not match  (routes.yaml:13)\n"
        "  n > `5`  false\n"
        "    n      1\n"
        "\n"
        "any matches  (routes.yaml:14)\n"
        "  it has no filter\n"
        "\n"
        f"now, by routes.yaml (generation {json.loads(explain('--format', 'json').out)['generation']}):\n"
        "t: 1 of 1 route of this type matches\n"
        "\n"
        "big matches  (routes.yaml:13)\n"
        "  n > `0`  true\n"
        "    n      1\n"
    )
    shown = json.loads(explain("--format", "json").out)
    assert (shown["routes"], shown["then"]["routes"]) == (["big"], ["any"])
    assert (shown["then"]["generation"], shown["then"]["problem"]) == (then, None)
    assert shown["then"]["since"] == "2026-01-02T03:04:05+00:00"


def test_any_event_is_explained_by_a_generation_too(shop: Project, command: Callable[..., Done]) -> None:
    then = keep()
    shop.routes("name: new, type: t, handler: jobs.ok")
    out = command("explain", '{"type": "t", "n": 7}', "--generation", then[:4]).out
    assert out.startswith(f"then, by generation {then} of 2026-01-02T03:04:05+00:00:\nt: 2 of 2 routes")
    assert "\nnow, by routes.yaml (generation " in out
    assert out.endswith("new matches  (routes.yaml:13)\n  it has no filter\n")


def test_a_stream_that_was_not_configured_then_is_reported(
    shop: Project, command: Callable[..., Done]
) -> None:
    then = keep()
    shop.routes(f"{BIG}, stream: new", head=ROUTES.replace("streams:", "streams:\n  new: {group: tests}"))
    shop.redis.xadd("new", {"type": "t", "n": "9"}, id=ID)
    expected = ':\nthe stream "new" is not configured\n\nnow, by routes.yaml'
    for event in (["--id", ID], ["--type", "t"]):
        assert expected in command("explain", "--stream", "new", "--generation", then, *event).out


@pytest.mark.parametrize(
    ("generation", "expected_text"),
    [
        ("abc", 'no stored generation starts with "abc"; stored: '),
        ("", "no stored generation"),
    ],
)
def test_a_generation_that_is_not_stored_is_an_error(
    shop: Project, command: Callable[..., Done], generation: str, expected_text: str
) -> None:
    if generation:
        keep()
    done = command("explain", "--type", "t", "--generation", generation)
    assert (done.code, done.out) == (1, "")
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
