"""``streamroute dead edit``: a payload is corrected, and retried once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from letters import DEAD, FAIL, FAILURES, OK, left, put
from projects import ROUTES
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.original_fields import unpack_original
from streamroute.adapters.entries.retry_record import RetryRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Done, Project

RETRY = "{events}:tests:retry"
SCHEMA = """messages:
  t:
    schema: {type: object, properties: {n: {type: integer, minimum: 1}}, required: [n]}
"""


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that is this process's working folder."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    project.routes(OK, FAIL)
    return project


@pytest.fixture
def editor(shop: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set an editor: Python code that has the text of the file in ``text``, and changes it."""

    def set_up(code: str) -> None:
        script = tmp_path / "editor.py"
        head = "import sys, pathlib\nfile = pathlib.Path(sys.argv[1])\ntext = file.read_text()\n"
        script.write_text(f"{head}{code}\nfile.write_text(text)\n")
        monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")

    return set_up


def write(shop: Project, content: str, name: str = "fixed.json") -> str:
    (shop.folder / name).write_text(content)
    return name


def retries(shop: Project) -> list[RetryRecord]:
    return [RetryRecord.unpack(fields[b"entry"]) for _, fields in shop.redis.xrange(RETRY)]


def test_an_edited_letter_is_retried_and_keeps_its_original(
    shop: Project, command: Callable[..., Done]
) -> None:
    letter = put(shop, generation="abc")
    fixed = write(shop, '{"type": "t", "n": 2}')
    done = command("dead", "edit", letter, "--file", fixed, "--as", "kim")
    assert (done.code, done.out, done.err) == (0, f"dead letter {letter} edited and retried\n", "")
    assert left(shop) == []
    [retry] = retries(shop)
    assert (retry.routes, retry.attempt) == (frozenset({"fail"}), 1)
    assert {name: json.loads(value) for name, value in retry.fields.items() if name == b"data"} == {
        b"data": {"n": 2}
    }
    [edit, failure] = retry.history
    assert edit.reason == "the payload was edited by kim"
    assert unpack_original(edit.original) == {b"type": b"t", b"data": b'{"n": 1}'}
    assert (failure.reason, failure.error, failure.generation) == ("failed", "E: x", "abc")
    [action] = json.loads(command("audit", "--format", "json").out)["actions"]
    assert (action["action"], action["target"], action["who"]) == ("dead edit", letter, "kim")


def test_a_letter_can_be_edited_twice_and_stay_one(shop: Project, command: Callable[..., Done]) -> None:
    """Its original is that before the first edit; its group does not change."""
    letter = put(shop)
    command("dead", "groups")
    before = shop.redis.hkeys(FAILURES)
    for n in (2, 3):
        fixed = write(shop, f"type: t\nn: {n}\n", "fixed.yaml")
        done = command("dead", "edit", letter, "--file", fixed, "--keep", "--format", "json")
        assert done.code == 0
        assert {**json.loads(done.out), "new_id": ""} == {
            "id": letter, "edited": True, "retried": False, "new_id": "",
        }  # fmt: skip
        letter = json.loads(done.out)["new_id"]
        assert left(shop) == [letter]
    [(_, fields)] = shop.redis.xrange(DEAD)
    record = DeadRecord.read(fields)
    assert [bool(failure.original) for failure in record.history] == [True, False]
    assert unpack_original(record.history[0].original)[b"data"] == b'{"n": 1}'
    assert shop.redis.hkeys(FAILURES) == before
    shown = json.loads(command("dead", "show", letter, "--format", "json").out)["history"]
    assert [failure.get("original") for failure in shown] == [{"type": "t", "data": '{"n": 1}'}, None]
    assert '    data was {"n": 1}\n' in command("dead", "show", letter).out
    [group] = json.loads(command("dead", "groups", "--format", "json").out)["groups"]
    assert (group["count"], group["samples"], group["total"]) == (1, [letter], 1)


def test_the_editor_shows_the_payload_and_its_file_is_deleted(
    shop: Project, command: Callable[..., Done], editor: Callable[[str], None], tmp_path: Path
) -> None:
    editor(f"pathlib.Path({str(tmp_path / 'seen')!r}).write_text(str(file) + text)\n"
           "text = text.replace('1', '5')")  # fmt: skip
    letter = put(shop)
    assert command("dead", "edit", letter).out == f"dead letter {letter} edited and retried\n"
    path, _, text = (tmp_path / "seen").read_text().partition("{")
    assert json.loads("{" + text) == {"n": 1, "type": "t"}
    assert not (tmp_path / path).exists()
    assert [json.loads(retry.fields[b"data"]) for retry in retries(shop)] == [{"n": 5}]


def test_an_edit_of_a_letter_that_is_gone_stays_in_its_file(
    shop: Project, command: Callable[..., Done], editor: Callable[[str], None]
) -> None:
    """Somebody retries the letter while the editor is open."""
    letter = put(shop)
    editor("import subprocess\n"
           f"subprocess.run([sys.executable, '-m', 'streamroute', 'dead', 'retry', {letter!r}], check=True)\n"
           "text = text.replace('1', '5')")  # fmt: skip
    done = command("dead", "edit", letter)
    assert (done.code, done.out) == (1, "")
    said, _, path = done.err.strip().rpartition(" ")
    assert said == (
        f"error: {letter} was retried, dropped or edited meanwhile; the edited payload is kept in"
    )
    with Path(path).open() as kept:
        assert json.load(kept) == {"n": 5, "type": "t"}
    assert [retry.fields[b"data"] for retry in retries(shop)] == [b'{"n": 1}']


def test_an_unchanged_payload_changes_nothing(
    shop: Project, command: Callable[..., Done], editor: Callable[[str], None]
) -> None:
    editor("pass")
    letter = put(shop)
    done = command("dead", "edit", letter)
    assert (done.code, done.out) == (0, "unchanged: the dead letter stays as it is\n")
    assert left(shop) == [letter]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"n": ', "fixed.json: "),
        ("[1]", "fixed.json: a payload is an object, not a list"),
        ("7", "fixed.json: a payload is an object, not a number"),
        ("a: [", "fixed.json:1:"),
        (
            '{"n": 0, "type": "t"}',
            'fixed.json: the data does not fit the schema of "t": n must be at least 1',
        ),
        ('{"type": "t"}', 'does not fit the schema of "t"'),
        ('{"n": 1}', "fixed.json: "),
    ],
)
def test_an_invalid_payload_is_refused_with_its_place(
    shop: Project, command: Callable[..., Done], content: str, why: str
) -> None:
    shop.routes(OK, FAIL, head=f"{SCHEMA}{ROUTES}")
    letter = put(shop)
    done = command("dead", "edit", letter, "--file", write(shop, content))
    assert (done.code, done.out) == (1, "")
    assert why in done.err
    assert left(shop) == [letter]


def test_the_schema_can_be_ignored_and_a_check_stores_nothing(
    shop: Project, command: Callable[..., Done]
) -> None:
    shop.routes(OK, FAIL, head=f"{SCHEMA}{ROUTES}")
    letter, fixed = put(shop), write(shop, '{"n": 0, "type": "t"}')
    done = command("dead", "edit", letter, "--file", fixed, "--no-validate", "--dry-run")
    assert (done.code, done.out) == (0, "the payload is valid; nothing was stored (--dry-run)\n")
    assert left(shop) == [letter]
    assert command("dead", "edit", letter, "--file", fixed, "--no-validate").code == 0
    assert left(shop) == []


def test_an_invalid_edit_is_kept_without_a_terminal(
    shop: Project, command: Callable[..., Done], editor: Callable[[str], None]
) -> None:
    editor("text = '{'")
    letter = put(shop)
    done = command("dead", "edit", letter)
    assert done.code == 1
    path = done.err.split(": ")[1]
    with Path(path).open() as kept:
        assert kept.read() == "{"


def test_hidden_values_are_not_shown_and_stay(
    shop: Project, command: Callable[..., Done], editor: Callable[[str], None]
) -> None:
    shop.routes(OK, FAIL, head=f'redact: [guest.email, "cards[].number"]\n{ROUTES}')
    data = {"n": 1, "guest": {"email": "kim@example.com"}, "cards": [{"number": 4711}, {"number": 4712}]}
    letter = put(shop, fields={b"type": b"t", b"data": json.dumps(data).encode()})
    editor("assert '4711' not in text and 'kim@' not in text\ntext = text.replace('1', '5')")
    assert command("dead", "edit", letter).code == 0
    assert [json.loads(retry.fields[b"data"]) for retry in retries(shop)] == [{**data, "n": 5}]


def test_a_hidden_value_cannot_be_moved(shop: Project, command: Callable[..., Done]) -> None:
    shop.routes(OK, FAIL, head=f"redact: [guest.email]\n{ROUTES}")
    letter = put(shop, fields={b"type": b"t", b"data": b'{"guest": {"email": "kim@example.com"}}'})
    fixed = write(shop, '{"type": "t", "mail": "(redacted)"}')
    done = command("dead", "edit", letter, "--file", fixed)
    assert (done.code, "(redacted) was moved or copied" in done.err) == (1, True)
    assert left(shop) == [letter]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"fields": {b"type": b"t", b"data": b"{"}}, "cannot be edited: "),
        ({"fields": {b"type": b"t", b"data": b"\xff"}}, "cannot be edited: "),
        ({"route": "gone"}, 'cannot be retried: the route "gone" is not configured; with --keep'),
    ],
)
def test_a_letter_that_cannot_be_edited(
    shop: Project, command: Callable[..., Done], facts: dict[str, Any], why: str
) -> None:
    letter = put(shop, **facts)
    done = command("dead", "edit", letter, "--file", write(shop, "{}"))
    assert (done.code, why in done.err) == (1, True)
    assert left(shop) == [letter]


def test_what_is_missing_is_a_usage_error(shop: Project, command: Callable[..., Done]) -> None:
    letter = put(shop)
    assert command("dead", "edit", letter, "--dry-run").code == 2
    done = command("dead", "edit", letter)
    assert (done.code, "give the payload with --file" in done.err) == (2, True)
    assert command("dead", "edit", letter, "--file", "absent.json").code == 2
    assert command("dead", "edit", "1-1", "--file", write(shop, "{}")).code == 1
