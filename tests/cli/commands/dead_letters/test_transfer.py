"""``streamroute dead export`` and ``dead import``: letters are kept whole, and imported once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from letters import DEAD, FAIL, OK, left, put
from projects import ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Done, Project

BINARY = {b"type": b"t", b"\xff": b"\x00\xfe", b"data": b'{"n": 1}', b"del": b"\x7f"}


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that is this process's working folder."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    project.routes(OK, FAIL)
    return project


def entries(shop: Project) -> list[dict[bytes, bytes]]:
    return [fields for _, fields in shop.redis.xrange(DEAD)]


def exported(command: Callable[..., Done], *words: str) -> list[str]:
    done = command("dead", "export", *words)
    assert done.code == 0
    lines: list[str] = done.out.splitlines()
    return lines


def imported(shop: Project, command: Callable[..., Done], lines: list[str], *words: str) -> Done:
    (shop.folder / "letters.jsonl").write_text("\n".join(lines))
    return command("dead", "import", "letters.jsonl", *words)


def test_letters_are_imported_byte_for_byte(shop: Project, command: Callable[..., Done]) -> None:
    """Those that are binary, large, or not of streamroute as well."""
    put(shop, fields=BINARY, error="E: <b>html</b>\x1b[31m")
    put(shop, fields={b"data": b"x" * 1_000_000})
    shop.redis.xadd(DEAD, {b"odd": b"\xff"})
    before = entries(shop)
    lines = exported(command)
    assert all(line.isascii() and line.isprintable() for line in lines)
    shop.redis.delete(DEAD)
    dry = imported(shop, command, lines, "--dry-run")
    assert (dry.code, dry.out, left(shop)) == (0, "3 dead letters would be imported\n", [])
    done = imported(shop, command, lines, "--as", "kim")
    assert (done.code, done.out, done.err) == (0, "3 dead letters imported\n", "")
    assert entries(shop) == before
    [action] = json.loads(command("audit", "--format", "json").out)["actions"]
    assert (action["action"], action["who"], action["count"]) == ("dead import", "kim", 3)


def test_a_letter_that_is_there_is_not_imported_again(shop: Project, command: Callable[..., Done]) -> None:
    for _ in range(3):
        put(shop)
    lines = exported(command)
    said = "0 dead letters imported\n3 dead letters not imported: already there\n"
    assert imported(shop, command, lines).out == said
    command("dead", "drop", "--all", "--yes")
    assert imported(shop, command, lines).out == "3 dead letters imported\n"
    assert imported(shop, command, lines).out == said
    assert len(left(shop)) == 3
    command("dead", "drop", left(shop)[0], "--yes")
    done = imported(shop, command, lines, "--format", "json")
    assert json.loads(done.out) == {
        "imported": 1, "present": 2, "damaged": 0, "problems": [], "dry_run": False,
    }  # fmt: skip
    [group] = json.loads(command("dead", "groups", "--format", "json").out)["groups"]
    assert group["count"] == 3


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("{", "letters.jsonl:2: "),
        ("[]", "letters.jsonl:2: not an exported dead letter"),
        ('{"v": 2}', "not an exported dead letter"),
        ('{"v": 1, "id": 7}', "it has no id"),
        ('{"v": 1, "id": "x", "dead_letter": "d", "stream": "s"}', "its id is not that of an entry"),
        ('{"v": 1, "id": "1-0", "dead_letter": "d", "stream": "s"}', "it has no fields"),
        ('{"v": 1, "id": "1-0", "dead_letter": "d", "stream": "s", "fields": [["a"]]}', "a name and a value"),
        (
            '{"v": 1, "id": "1-0", "dead_letter": "d", "stream": "s", "fields": [["a", {"base64": "?"}]]}',
            "neither text nor base64",
        ),
        (
            '{"v": 1, "id": "1-0", "dead_letter": "d", "stream": "s", "fields": [["a", "b"]]}',
            'the configuration does not have the stream "s" with the dead letters "d"',
        ),
        (
            json.dumps(
                {"v": 1, "id": "1-0", "dead_letter": "d", "stream": "s", "fields": [["a", "b"]] * 2001}
            ),
            "it has 2001 fields",
        ),
    ],
)
def test_a_damaged_line_is_named_and_the_others_are_imported(
    shop: Project, command: Callable[..., Done], damage: str, why: str
) -> None:
    put(shop)
    [line] = exported(command)
    command("dead", "drop", "--all", "--yes")
    done = imported(shop, command, ["", damage, line])
    assert (done.code, done.out) == (1, "1 dead letter imported\n")
    assert why in done.err
    assert len(left(shop)) == 1


def test_many_damaged_lines_are_counted(shop: Project, command: Callable[..., Done]) -> None:
    done = imported(shop, command, ["{"] * 30)
    assert (done.code, len(done.err.splitlines())) == (1, 21)
    assert done.err.endswith("error: and 10 more lines\n")


def test_a_letter_of_a_stream_that_is_not_configured_is_refused(
    shop: Project, command: Callable[..., Done]
) -> None:
    put(shop)
    lines = exported(command)
    shop.routes(OK, FAIL, head=ROUTES.replace("group: tests", "group: others"))
    done = imported(shop, command, lines)
    assert (done.code, 'does not have the stream "events" with the group "tests"' in done.err) == (1, True)
    shop.routes(OK, FAIL, head=ROUTES.replace("group: tests", "formerly_group: tests\n    group: others"))
    shop.redis.delete(DEAD)
    assert imported(shop, command, lines).code == 0


def test_filters_select_what_is_exported(shop: Project, command: Callable[..., Done]) -> None:
    ids = [put(shop, error="KeyError: 1"), put(shop)]
    assert [json.loads(line)["id"] for line in exported(command)] == ids
    assert [json.loads(line)["id"] for line in exported(command, "--error-class", "KeyError")] == ids[:1]
    assert [json.loads(line)["id"] for line in exported(command, ids[1])] == ids[1:]
    assert command("dead", "export", "1-1").code == 1


def test_hidden_values_are_exported_unless_they_are_left_out(
    shop: Project, command: Callable[..., Done]
) -> None:
    shop.routes(OK, FAIL, head=f"redact: [guest.email]\n{ROUTES}")
    put(shop, fields={b"type": b"t", b"data": b'{"guest": {"email": "kim@example.com"}}'})
    done = command("dead", "export")
    assert "kim@example.com" in done.out
    assert done.err == "1 dead letter exported, with the values that redact: hides\n"
    done = command("dead", "export", "--redact")
    assert "kim@example.com" not in done.out
    assert done.err == "1 dead letter exported\n"
    lines = done.out.splitlines()
    command("dead", "drop", "--all", "--yes")
    refused = imported(shop, command, lines)
    assert (refused.code, "it was exported with --redact" in refused.err) == (1, True)
    assert imported(shop, command, lines, "--redacted").code == 0


def test_a_file_that_does_not_exist(shop: Project, command: Callable[..., Done]) -> None:
    done: Any = command("dead", "import", "absent.jsonl")
    assert (done.code, "absent.jsonl does not exist" in done.err) == (2, True)
