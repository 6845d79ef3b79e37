"""``streamroute publish``: events from a file, a pipe or the command line into a stream."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from projects import ROUTES
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Done, Project

OK = "name: ok, type: t, handler: jobs.ok"


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that is this process's working folder."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    project.routes(OK)
    return project


def entries(project: Project) -> list[dict[bytes, bytes]]:
    return [fields for _, fields in project.redis.xrange("events")]


def test_publish_takes_one_event_from_the_command_line(shop: Project, command: Callable[..., Done]) -> None:
    done = command("publish", "events", "--type", "t", "--data", '{"n": 1, "type": "loses"}')
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("published 1 event to events at ${REDIS_URL}\n")
    assert entries(shop) == [{b"type": b"t", b"data": b'{"n":1}'}]


def test_an_event_needs_no_data(shop: Project, command: Callable[..., Done]) -> None:
    assert command("publish", "events", "--type", "t").code == 0
    assert entries(shop) == [{b"type": b"t", b"data": b"{}"}]


def test_a_file_goes_in_whole_and_in_order(shop: Project, command: Callable[..., Done]) -> None:
    """More than one batch; blank lines, CRLF and a byte order mark are tolerated."""
    lines = [json.dumps({"type": "t", "n": n}) for n in range(1200)]
    shop.write("events.jsonl", b"\xef\xbb\xbf" + "\r\n\r\n".join(lines).encode())
    done = command("publish", "events", "events.jsonl")
    assert (done.code, done.err[:21]) == (0, "published 1200 events")
    assert [json.loads(fields[b"data"])["n"] for fields in entries(shop)] == list(range(1200))


def test_a_pipe(shop: Project) -> None:
    running = shop.start("publish", "events", "-", stdin=subprocess.PIPE)
    running.stdin.write(b'{"type": "t", "n": 1}\n{"type": "t", "n": 2}')
    running.stdin.close()
    done = running.end()
    assert (done.code, len(entries(shop))) == (0, 2)


def test_the_stream_s_codec_writes_it(shop: Project, command: Callable[..., Done]) -> None:
    shop.routes(OK, head=ROUTES.replace("group: tests", "group: tests\n    codec: fields"))
    command("publish", "events", "--type", "t", "--data", '{"n": "1"}')
    assert entries(shop) == [{b"type": b"t", b"n": b"1"}]
    done = command("publish", "events", "--type", "t", "--data", '{"n": 1}')
    assert done.code == 1
    assert 'the codec "fields" holds strings only' in done.err


CODEC = """
import json

class Shouting:
    def decode(self, fields):
        return json.loads(fields[b"body"].lower())

    def encode(self, payload):
        return {b"body": json.dumps(payload).upper().encode()}
"""


def test_a_custom_codec_writes_it(shop: Project, command: Callable[..., Done]) -> None:
    shop.routes(OK, head=ROUTES.replace("group: tests", "group: tests\n    codec: shouting.Shouting"))
    shop.write("shouting.py", CODEC)
    assert command("publish", "events", "--type", "t").code == 0
    assert entries(shop) == [{b"body": b'{"TYPE": "T"}'}]


@pytest.mark.parametrize("codec", ["json", "shouting.Shouting"])
def test_no_handler_is_imported_to_publish(shop: Project, command: Callable[..., Done], codec: str) -> None:
    head = ROUTES.replace("group: tests", f"group: tests\n    codec: {codec}")
    shop.routes("name: r, type: t, handler: trap.door", head=head)
    shop.write("trap.py", "raise SystemExit(9)\n")
    shop.write("shouting.py", CODEC)
    assert command("publish", "events", "--type", "t").code == 0


def test_a_codec_that_cannot_be_imported_is_named(shop: Project, command: Callable[..., Done]) -> None:
    shop.routes(OK, head=ROUTES.replace("group: tests", "group: tests\n    codec: shouting.Shouting"))
    shop.write("shouting.py", "class Shouting:\n    def __init__(self):\n        raise ValueError('no')\n")
    done = command("publish", "events", "--type", "t")
    assert done.code == 1
    assert 'could not create the codec "shouting.Shouting": ValueError: no' in done.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"type": "t", ', "is not JSON"),
        (b'["t"]', "is not a JSON object; write each event of the list on its own line: jq -c '.[]' FILE"),
        (b'{"n": 1}', 'an event needs a "type"'),
        (b'{"type": 1}', 'an event needs a "type"'),
        (b'{"type": "t", "n": NaN}', "holds NaN"),
        (b'{"type": "t", "n": "\xff"}', "is not UTF-8"),
        (b'{"type": "t", "n": "\\ud800"}', "half of a surrogate pair"),
        (b'{"type": "t", "n": ' + b"[" * 100_000, "nested"),
    ],
)
def test_a_line_that_is_no_event_is_named(
    shop: Project, command: Callable[..., Done], line: bytes, message: str
) -> None:
    shop.write("events.jsonl", b'{"type": "t"}\n\n' + line + b'\n{"type": "t"}\n')
    done = command("publish", "events", "events.jsonl")
    assert done.code == 1
    published, error = done.err.splitlines()
    assert published.startswith("published 1 event to events")
    assert error.startswith("error: events.jsonl:3: ")
    assert message in error
    assert len(entries(shop)) == 1


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b'[{"type": "t"}, {"type": "t"}]', "jq -c '.[]' FILE"),
        (b'[\n  {"type": "t"},\n  {"type": "t"}\n]\n', "jq -c '.[]' FILE"),
        (b'{\n  "type": "t"\n}\n', "jq -c . FILE"),
        (b'\xef\xbb\xbf{"type": "t",\n "n": 1}\n', "jq -c . FILE"),
    ],
)
def test_events_not_on_one_line_get_advice(
    shop: Project, command: Callable[..., Done], content: bytes, advice: str
) -> None:
    shop.write("events.json", content)
    done = command("publish", "events", "events.json")
    assert done.code == 1
    assert advice in done.err.splitlines()[1]
    assert entries(shop) == []
    done = command("test", "--init", "events.json")
    assert (done.code, advice in done.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evnets", "--type", "t"], 'unknown stream "evnets"; did you mean "events"?'),
        (["other", "--type", "t"], 'unknown stream "other"; the configuration has events'),
        (["events"], "missing FILE, or --type"),
        (["events", "routes.yaml", "--type", "t"], "missing FILE, or --type"),
        (["events", "routes.yaml", "--data", "{}"], "--data requires --type"),
        (["events", "--type", "t", "--data", "{"], "--data is not JSON"),
        (["events", "--type", "t", "--data", "{'n': 1}"], "double quotes: --data '{\"nights\": 3}'"),
        (["routes.yaml"], "missing STREAM: streamroute publish STREAM routes.yaml"),
        (["events", "--type", "t", "--from-line", "2"], "--from-line requires FILE"),
        (["events", "routes.yaml", "--from-line", "0"], "0 is not in the range x>=1"),
        (["events", "--type", "t", "--data", "1"], "--data is not a JSON object"),
        (["events", "nowhere.jsonl"], "nowhere.jsonl does not exist"),
        (["events", "--type", "t", "--config", "no.yaml"], "no.yaml does not exist"),
    ],
)
def test_misuse_is_explained(
    shop: Project, command: Callable[..., Done], arguments: list[str], message: str
) -> None:
    done = command("publish", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not shop.redis.exists("events")


def test_a_type_similar_to_a_routes_is_warned_of_and_published(
    shop: Project, command: Callable[..., Done]
) -> None:
    shop.routes("name: ok, type: order.paid, handler: jobs.ok")
    done = command("publish", "events", "--type", "order.piad")
    assert done.code == 0
    assert 'no route matches type "order.piad"; did you mean "order.paid"?' in done.err
    for known in ("order.paid", "invoice.sent"):
        assert "no route matches" not in command("publish", "events", "--type", known).err
    assert len(entries(shop)) == 3


def test_a_configuration_that_is_wrong_is_shown(shop: Project, command: Callable[..., Done]) -> None:
    shop.routes("name: r, type: t, handlr: jobs.ok")
    done = command("publish", "events", "--type", "t")
    assert (done.code, 'did you mean "handler"?' in done.out) == (1, True)


def test_an_unreachable_server_prints_one_line_and_exits_with_4(
    shop: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://:hunter2@127.0.0.1:{free_port()}")
    done = command("publish", "events", "--type", "t")
    assert done.code == 4
    assert "refuses the connection" in done.err
    assert "hunter2" not in done.err


def test_the_embedded_server_can_be_refused(
    shop: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL")
    done = command("publish", "events", "--type", "t", "--no-embedded")
    assert (done.code, "the embedded server is refused here" in done.err) == (4, True)


def test_a_key_of_another_type_prints_one_line_and_exits_with_1(
    shop: Project, command: Callable[..., Done]
) -> None:
    shop.redis.set("events", "text")
    done = command("publish", "events", "--type", "t", "--data", '{"secret": "hunter2"}')
    assert done.code == 1
    assert "publishing to events failed" in done.err
    assert "WRONGTYPE" in done.err
    assert "hunter2" not in done.err


def test_the_ids_are_printed_alone_on_stdout(shop: Project, command: Callable[..., Done]) -> None:
    shop.write("events.jsonl", b'{"type": "t"}\n\n' * 600)
    done = command("publish", "events", "events.jsonl", "--ids")
    assert done.code == 0
    assert done.out.splitlines() == [entry_id.decode() for entry_id, _ in shop.redis.xrange("events")]
    assert len(done.out.splitlines()) == 600
    one = command("publish", "events", "--type", "t", "--ids")
    assert one.out == shop.redis.xrevrange("events", count=1)[0][0].decode() + "\n"


CATALOGUE = """
messages:
  t:
    schema: {type: object, properties: {n: {type: integer}}, required: [n]}
  other: {}
"""
WRONG = [
    b'{"type": "t", "n": 1}',
    b'{"type": "t", "n": "hunter2"}',
    b"",
    b'{"type": "othr"}',
    b'{"type": "t", ',
    b'{"type": "other"}',
]


def test_check_publishes_nothing_if_a_line_is_wrong(shop: Project, command: Callable[..., Done]) -> None:
    shop.routes(OK, head=CATALOGUE + ROUTES)
    shop.write("events.jsonl", b"\n".join(WRONG))
    done = command("publish", "events", "events.jsonl", "--check", "--ids")
    assert (done.code, done.out) == (1, "")
    first, second, third, last = done.err.splitlines()
    assert first == 'events.jsonl:2: "t": the data is invalid: n must be a whole number, not a string'
    assert second == 'events.jsonl:4: the type "othr" is not known; did you mean "other"?'
    assert third.startswith("events.jsonl:5: the line is not JSON")
    assert last == "error: 3 of 5 events are wrong, so that nothing was published"
    assert not shop.redis.exists("events")


@pytest.mark.parametrize("source", ["events.jsonl", "-"])
def test_check_publishes_what_is_right(shop: Project, source: str) -> None:
    shop.routes(OK, head=CATALOGUE + ROUTES)
    shop.write("events.jsonl", b'not JSON\n{"type": "t", "n": 1}\n{"type": "other"}\n')
    running = shop.start("publish", "events", source, "--check", "--from-line", "2", stdin=subprocess.PIPE)
    running.stdin.write((shop.folder / "events.jsonl").read_bytes())
    running.stdin.close()
    done = running.end()
    assert (done.code, done.err[:18]) == (0, "published 2 events")
    assert [fields[b"type"] for fields in entries(shop)] == [b"t", b"other"]


def test_check_shows_a_bounded_number_of_findings(shop: Project, command: Callable[..., Done]) -> None:
    shop.write("events.jsonl", b'{"type": "x"}\n' * 1200)
    done = command("publish", "events", "events.jsonl", "--check")
    *shown, more, last = done.err.splitlines()
    assert (done.code, len(shown)) == (1, 50)
    assert more == "... and 1150 more"
    assert last == "error: 1200 of 1200 events are wrong, so that nothing was published"


def test_one_event_is_checked(shop: Project, command: Callable[..., Done]) -> None:
    done = command("publish", "events", "--type", "u", "--check")
    assert (done.code, done.err.splitlines()[0]) == (1, '--data:1: the type "u" is not known')
    assert command("publish", "events", "--type", "t", "--check").code == 0


def test_after_an_error_it_goes_on_where_it_says(shop: Project, command: Callable[..., Done]) -> None:
    lines = [json.dumps({"type": "t", "n": n}) for n in range(1, 1301)]
    path = shop.feed(*lines[:700], "{", *lines[700:])
    done = command("publish", "events", "events.jsonl")
    assert done.code == 1
    assert done.err.splitlines()[-1].endswith("; mend it and resume with --from-line 701")
    path.write_text("\n".join([*lines[:700], "", *lines[700:]]))
    assert command("publish", "events", "events.jsonl", "--from-line", "701").code == 0
    assert [json.loads(fields[b"data"])["n"] for fields in entries(shop)] == list(range(1, 1301))


@pytest.mark.parametrize("options", [[], ["--check"]])
def test_a_line_behind_the_end_is_an_error(
    shop: Project, command: Callable[..., Done], options: list[str]
) -> None:
    shop.write("events.jsonl", b'{"type": "t"}\n' * 3)
    assert command("publish", "events", "events.jsonl", "--from-line", "4", *options).code == 0
    done = command("publish", "events", "events.jsonl", "--from-line", "5", *options)
    assert done.code == 1
    assert "events.jsonl ends before line 5: it has 3 lines" in done.err
    assert not entries(shop)


def test_after_a_refusal_it_says_where_to_go_on(shop: Project, command: Callable[..., Done]) -> None:
    shop.write("events.jsonl", b'{"type": "t"}\n' * 3)
    shop.redis.set("events", "text")
    done = command("publish", "events", "events.jsonl", "--from-line", "2")
    assert done.code == 1
    assert done.err.endswith("; resume with --from-line 2\n")


@pytest.mark.parametrize("source", ["events.jsonl", "-"])
def test_a_terminal_is_shown_progress(shop: Project, source: str) -> None:
    path = shop.feed(*(json.dumps({"type": "t", "n": n}) for n in range(1200)))
    ours, theirs = pty.openpty()
    with path.open("rb") as stdin:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamroute", "publish", "events", source],
            cwd=shop.folder,
            env=shop.env,
            stdin=stdin,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:
            pass  # Linux raises it when the other end is closed
        finally:
            os.close(ours)
        assert process.wait() == 0
    assert b"publishing to events  [" in shown
    assert b"published 1200 events" in shown
