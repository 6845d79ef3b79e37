"""What ``redact:`` hides is in the output of no command, in text and in JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from projects import ROUTES

if TYPE_CHECKING:
    from projects import Project

SECRETS = {"email": "ann@example.com", "card": 4111222, "vip": True, "note": 'Zoë\'s "key"'}
EVENT: dict[str, Any] = {"type": "t", "n": 1, "guest": {**SECRETS, "name": "Ann"}}
HEAD = f"redact: [guest.email, 'guest.card', guest.vip, guest.note]{ROUTES}"
HANDLERS = """
async def fail(payload):
    guest = payload["guest"]
    try:
        raise KeyError(guest["note"])
    except KeyError as error:
        raise ValueError(f"no {guest['email']} with {guest['card']} and {guest['note']!r}") from error
"""


def write(project: Project) -> None:
    project.routes(
        "name: a, type: t, handler: shop.fail",
        "name: b, type: t, filter: \"guest.vip && starts_with(guest.email, 'ann') && guest.note\""
        ", handler: jobs.ok, transform: '{to: guest.email, n: n, list: [guest.card, guest.name]}'",
        "name: c, type: t, filter: 'abs(guest.email) == `1`', handler: jobs.ok",
        "name: d, type: t, filter: guest, handler: jobs.ok",
        head=HEAD,
    )
    project.write("shop.py", HANDLERS)


def shows_nothing_hidden(text: str) -> None:
    assert "(redacted)" in text
    for secret in ("ann@example.com", "4111222", "Zo\\u00eb", "Zoë", "'key'", '"key'):
        assert secret not in text


@pytest.mark.parametrize("output", ["text", "json"])
def test_explain_shows_no_hidden_value(project: Project, output: str) -> None:
    write(project)
    project.feed(json.dumps(EVENT))
    done = project.run("explain", "events.jsonl", "--format", output, "--all")
    assert done.code == 0, done.err
    shows_nothing_hidden(done.out)
    assert "Ann" in done.out
    if output == "text":
        assert "guest.vip" in done.out
        assert "guest.vip is true" not in " ".join(done.out.split())


def test_dead_letters_show_no_hidden_value(project: Project) -> None:
    write(project)
    project.feed(json.dumps(EVENT))
    assert project.run("serve", "--feed", "events.jsonl", "--drain").code == 1
    (letter_id,) = (
        bytes(letter[0]).decode()
        for letter in project.redis.xrange("{events}:tests:dead")
        if b"ValueError" in b"".join(letter[1].values())
    )
    for output in ("text", "json"):
        listed = project.run("dead", "list", "--format", output)
        shown = project.run("dead", "show", letter_id, "--format", output)
        explained = project.run("explain", "--stream", "events", "--id", letter_id, "--format", output)
        for done in (listed, shown, explained):
            assert done.code == 0, done.err
            shows_nothing_hidden(done.out)
        assert "Ann" in shown.out


def test_a_requeued_letter_keeps_what_is_hidden(project: Project) -> None:
    write(project)
    project.feed(json.dumps(EVENT))
    project.run("serve", "--feed", "events.jsonl", "--drain")
    project.write("shop.py", "async def fail(payload):\n    assert payload['guest']['card'] == 4111222\n")
    assert project.run("dead", "retry", "--route", "a").code == 0
    assert project.run("serve", "--drain").code in (0, 1)
    left = json.loads(project.run("dead", "list", "--format", "json").out)
    assert "a" not in {letter["route"] for letter in left["letters"]}


def test_an_entry_that_cannot_be_decoded_shows_nothing_of_its_data(project: Project) -> None:
    write(project)
    project.redis.xadd("events", {"type": "t", "data": '{"guest": {"email": "ann@example.com", "n": '})
    served = project.run("serve", "--drain", "--log-format", "json")
    assert served.code == 1
    (letter,) = project.redis.xrange("{events}:tests:dead")
    shown = project.run("dead", "show", bytes(letter[0]).decode())
    assert "cannot be decoded" in served.err
    assert "ann@" not in served.err
    shows_nothing_hidden(shown.out)
