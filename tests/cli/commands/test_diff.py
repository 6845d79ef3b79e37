"""``streamroute diff``: which of the same events another version would handle differently, and why."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from git_repository import Repository
from projects import Done, Project
from servers import free_port
from streamroute.compiler.pipeline import check_path
from streamroute.config.load import recording_reader
from streamroute.ops.generations.store import GenerationStore
from terminals import on_terminal

OLD = """
version: 1
redis: {url: "${REDIS_URL:-embedded}"}
streams: {events: {group: tests}}
routes:
  - {name: vip, type: booked, filter: "guest.tier == 'gold' && nights >= `3`", handler: jobs.x}
  - {name: all, type: booked, handler: jobs.x}
  - {name: shaped, type: booked, transform: "{n: nights}", handler: jobs.x}
  - {name: gone, type: booked, filter: "nights > `3`", handler: jobs.x}
  - {name: same, type: sold, filter: "price > `1`", handler: jobs.x}
"""
NEW = (
    OLD.replace('`3`"', '`2`"', 1)
    .replace("name: all", "name: all, timeout: 5s")
    .replace("{n: nights}", "{n: nights, tier: guest.tier}")
    .replace('  - {name: gone, type: booked, filter: "nights > `3`", handler: jobs.x}\n', "")
    .replace("price > `1`", "price   > `1`")
).replace("group: tests", "group: tests, grace: 5s")
BOOKED = [{"type": "booked", "nights": nights, "guest": {"tier": "gold"}} for nights in (1, 2, 4)]
EVENTS = "".join(f"{json.dumps(event)}\n" for event in [*BOOKED, {"type": "sold", "price": 2}])
OPTIONS = ("diff", "old.yaml", "new.yaml", "--events", "events.jsonl")


@pytest.fixture
def project_folder(lone_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(lone_project.folder)
    lone_project.write("old.yaml", OLD)
    lone_project.write("new.yaml", NEW)
    lone_project.write("events.jsonl", EVENTS)
    return lone_project


TEXT = """\
old.yaml -> new.yaml: 4 events of events.jsonl

stream events
  grace: 30s -> 5s

vip: 1 comes  (new.yaml:6)
  filter: guest.tier == 'gold' && nights >= `3` -> guest.tier == 'gold' && nights >= `2`
  line 2 booked comes
    old: nights >= `3` is false: nights is 2
    new: guest.tier == 'gold' is true: guest.tier is "gold"
    new: nights >= `2` is true: nights is 2

all: 3 are handled differently  (new.yaml:7)
  timeout: 5m -> 5s
  differs in timeout: 3

shaped: 3 are handled differently  (new.yaml:8)
  transform: {n: nights} -> {n: nights, tier: guest.tier}
  differs in transform: 3
  line 1 booked differs
    tier is "gold", was missing
  line 2 booked differs
    tier is "gold", was missing
  line 3 booked differs
    tier is "gold", was missing

gone: removed: 1 goes  (old.yaml:9)
  line 3 booked goes
    old: nights > `3` is true: nights is 4
    new: there is no such route

same: same

4 of 5 routes change: 1 comes, 1 goes, 6 are handled differently; 1 stays the same
"""


def test_the_text_names_what_comes_and_goes_and_the_operands_that_decided(
    project_folder: Project, command: Callable[..., Done]
) -> None:
    assert command(*OPTIONS) == Done(0, TEXT, "")


MARKDOWN = """\
### streamroute diff: 4 of 5 routes change: 1 comes, 1 goes, 6 are handled differently; 1 stays the same

`old.yaml` → `new.yaml`: `4 events of events.jsonl`

**Must not change:** `vip`

| route | comes | goes | differs | fails | recovers | |
|---|---:|---:|---:|---:|---:|---|
| `vip` | 1 |  |  |  |  | changed |
| `all` |  |  | 3 |  |  | changed |
| `shaped` |  |  | 3 |  |  | changed |
| `gone` |  | 1 |  |  |  | removed |

- stream `events`: changed
  - `grace`: `30s` → `5s`

<details><summary>What changes, with examples</summary>

**`vip`**: 1 comes

- `filter`: `` guest.tier == 'gold' && nights >= `3` `` → `` guest.tier == 'gold' && nights >= `2` ``
- `line 2` `booked` comes
  - old: ``nights >= `3` is false: nights is 2``
  - new: `guest.tier == 'gold' is true: guest.tier is "gold"`
  - new: ``nights >= `2` is true: nights is 2``

**`all`**: 3 are handled differently

- `timeout`: `5m` → `5s`

**`shaped`**: 3 are handled differently

- `transform`: `{n: nights}` → `{n: nights, tier: guest.tier}`
- `line 1` `booked` differs
  - `tier is "gold", was missing`
- `line 2` `booked` differs
  - `tier is "gold", was missing`
- `line 3` `booked` differs
  - `tier is "gold", was missing`

**`gone`**: removed: 1 goes

- `line 3` `booked` goes
  - old: ``nights > `3` is true: nights is 4``
  - new: `there is no such route`

</details>

The same: `same`
"""


def test_markdown_is_a_comment_and_a_gate_fails(
    project_folder: Project, command: Callable[..., Done]
) -> None:
    done = command(*OPTIONS, "--format", "markdown", "--fail-on-change", "vip", "--fail-on-change", "same")
    assert done == Done(1, MARKDOWN, "error: vip must not change (--fail-on-change)\n")


def test_json_counts_each_event_once_for_each_route(
    project_folder: Project, command: Callable[..., Done]
) -> None:
    done = command(*OPTIONS, "--format", "json", "--fail-on-change", "same")
    shown = json.loads(done.out)
    assert (done.code, shown["events"], shown["failed"]) == (0, 4, [])
    assert shown["totals"] == {"comes": 1, "goes": 1, "differs": 6, "fails": 0, "recovers": 0}
    by_name = {route["route"]: route for route in shown["routes"]}
    counted = ("comes", "goes", "differs", "fails", "recovers", "same")
    assert {sum(route[key] for key in counted) for route in shown["routes"]} == {4}
    assert by_name["vip"]["examples"] == [
        {
            "event": "line 2",
            "type": "booked",
            "change": "comes",
            "old": ["nights >= `3` is false: nights is 2"],
            "new": [
                "guest.tier == 'gold' is true: guest.tier is \"gold\"",
                "nights >= `2` is true: nights is 2",
            ],
            "differences": [],
        }
    ]
    assert by_name["all"]["settings"] == [{"setting": "timeout", "old": "5m", "new": "5s"}]
    assert by_name["all"]["causes"] == {"timeout": 3}
    assert (by_name["same"]["status"], by_name["gone"]["status"]) == ("same", "removed")
    assert [(stream["stream"], stream["status"]) for stream in shown["streams"]] == [("events", "changed")]


def test_a_configuration_compared_with_itself_does_not_change(
    project_folder: Project, command: Callable[..., Done]
) -> None:
    done = command("diff", "old.yaml", "old.yaml", "--events", "events.jsonl", "--fail-on-change", "vip")
    assert done.code == 0
    assert done.out.endswith(
        "\nvip: same\nall: same\nshaped: same\ngone: same\nsame: same\n\nno change in 5 routes\n"
    )


def test_a_setting_without_effect_is_named(project_folder: Project, command: Callable[..., Done]) -> None:
    project_folder.write("new.yaml", OLD.replace("price > `1`", "price > `1` && price > `0`"))
    assert "\nsame: same, although filter differs\n" in command(*OPTIONS).out


def test_a_revision_is_compared_with_the_working_tree(
    lone_project: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository(lone_project.folder)
    monkeypatch.chdir(lone_project.folder)
    included = "version: 1\nroutes:\n  - {name: late, type: booked, filter: nights > `9`, handler: jobs.x}\n"
    head = OLD.replace("version: 1", "version: 1\ninclude: [features/*.yaml]")
    repository.commit(routes_yaml=head, features__a_yaml=included)
    lone_project.write("events.jsonl", EVENTS)
    lone_project.write("features/a.yaml", included.replace("9", "1"))
    lone_project.write("features/b.yaml", included.replace("late", "later"))
    done = command("diff", "git:HEAD", "--events", "events.jsonl")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("git:HEAD -> routes.yaml: 4 events of events.jsonl\n")
    assert "\nlate: 2 come  (features/a.yaml:3)\n" in done.out
    assert "\nlater: added: no event is affected  (features/b.yaml:3)\n" in done.out
    assert "no change in 6 routes" in command("diff", "git:HEAD", "git:main", "--events", "events.jsonl").out


def test_a_revision_with_errors_shows_its_findings(
    lone_project: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lone_project.folder)
    Repository(lone_project.folder).commit(routes_yaml=OLD.replace("type: sold", "tpye: sold"))
    lone_project.write("routes.yaml", OLD)
    lone_project.write("events.jsonl", EVENTS)
    done = command("diff", "git:HEAD", "--events", "events.jsonl")
    assert done.code == 1
    assert 'did you mean "type"?' in done.out
    assert done.err.startswith("error: git:HEAD cannot be used: 1 error")
    machine = command("diff", "git:HEAD", "--events", "events.jsonl", "--format", "json")
    assert (machine.code, machine.out) == (1, "")
    assert 'did you mean "type"?' in machine.err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "pass --stream NAME or --events FILE"),
        (("--events", "events.jsonl", "--last", "5"), "--events and --last exclude each other"),
        (("--events", "none.jsonl"), "none.jsonl does not exist"),
        (("--stream", "event"), 'unknown stream "event"; did you mean "events"?'),
        (
            ("--events", "events.jsonl", "--fail-on-change", "vpi"),
            '--fail-on-change: unknown route "vpi"; did you mean "vip"?',
        ),
        (("--stream", "events", "--last", "0"), "Invalid value for '--last'"),
    ],
)
def test_usage_errors(
    project_folder: Project, command: Callable[..., Done], options: tuple[str, ...], expected: str
) -> None:
    done = command("diff", "old.yaml", "new.yaml", *options)
    assert (done.code, done.out) == (2, "")
    assert f"Error: {expected}" in done.err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "events.jsonl:2: the line is not JSON"),
        ("[1]", "events.jsonl:2: the line is not a JSON object"),
        ('{"n": 1}', "events.jsonl:2: "),
    ],
)
def test_a_line_that_is_no_event_is_named(
    project_folder: Project, command: Callable[..., Done], line: str, expected: str
) -> None:
    project_folder.write("events.jsonl", f"{json.dumps(BOOKED[0])}\n{line}\n")
    done = command(*OPTIONS)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: {expected}")


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a server, which is this process's working folder."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    project.write("old.yaml", OLD)
    project.write("new.yaml", NEW)
    return project


def add(project: Project, *events: dict[str, Any], first: int = 1) -> None:
    for number, event in enumerate(events, first):
        data = {key: value for key, value in event.items() if key != "type"}
        project.redis.xadd("events", {"type": event["type"], "data": json.dumps(data)}, id=f"{number}-0")


def test_the_newest_entries_of_a_stream_are_compared(shop: Project, command: Callable[..., Done]) -> None:
    add(shop, *BOOKED * 2)
    shop.redis.xadd("events", {"type": "booked", "data": "{"}, id="9-0")
    done = command("diff", "old.yaml", "new.yaml", "--stream", "events", "--last", "4")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("old.yaml -> new.yaml: the newest 4 entries of events\n")
    assert "\nvip: 1 comes " in done.out
    assert "\n  5-0 booked comes\n" in done.out
    assert (
        "old.yaml -> new.yaml: 7 entries of events\n"
        in command("diff", "old.yaml", "new.yaml", "--stream", "events").out
    )
    assert shop.redis.xinfo_groups("events") == []
    assert shop.redis.keys() == [b"events"]


def test_a_progress_bar_is_shown_on_a_terminal_and_erased(shop: Project) -> None:
    add(shop, *BOOKED)
    screen = on_terminal(shop, "diff", "old.yaml", "old.yaml", "--stream", "events")
    assert "comparing events" in screen.raw
    assert screen.lines[0] == "old.yaml -> old.yaml: 3 entries of events"


def test_the_server_of_the_new_configuration_must_be_known(
    project_folder: Project, command: Callable[..., Done]
) -> None:
    for name in ("old.yaml", "new.yaml"):
        project_folder.write(name, OLD.replace("REDIS_URL:-embedded", "NOT_SET"))
    done = command("diff", "old.yaml", "new.yaml", "--stream", "events")
    assert done.code == 1
    assert "NOT_SET" in done.out
    assert done.err.startswith("error: new.yaml cannot be used: 1 error")
    assert command(*OPTIONS).code == 0


def test_an_unreachable_server_is_named(
    project_folder: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://:hunter2@127.0.0.1:{free_port()}")
    done = command("diff", "old.yaml", "new.yaml", "--stream", "events")
    assert (done.code, done.out) == (4, "")
    assert "hunter2" not in done.err


CODEC = """
class Codec:
    def decode(self, fields):
        return {"type": fields[b"type"].decode(), "nights": len(fields[b"nights"]), "guest": {"tier": "gold"}}

    def encode(self, payload):
        return {b"type": payload["type"].encode(), b"nights": b"x" * payload["nights"]}
"""


def test_entries_of_the_project_s_own_codec_need_its_import(
    shop: Project, command: Callable[..., Done]
) -> None:
    shop.write("codecs_of_shop.py", CODEC)
    for name, text in (("old.yaml", OLD), ("new.yaml", NEW)):
        shop.write(name, text.replace("group: tests", "group: tests, codec: codecs_of_shop.Codec"))
    shop.redis.xadd("events", {"type": "booked", "nights": "xx"})
    options = ("diff", "old.yaml", "new.yaml", "--stream", "events")
    refused = command(*options)
    assert refused.code == 2
    advice = 'pass --import, which runs the project\'s codec "codecs_of_shop.Codec"'
    assert f"the entries of events cannot be decoded: {advice}" in refused.err
    assert "\nvip: 1 comes " in command(*options, "--import").out


def test_events_of_a_file_are_taken_as_they_are_without_the_project_s_codec(
    project_folder: Project, command: Callable[..., Done]
) -> None:
    for name, text in (("old.yaml", OLD), ("new.yaml", NEW)):
        project_folder.write(name, text.replace("group: tests", "group: tests, codec: none.Codec"))
    assert "\nvip: 1 comes " in command(*OPTIONS).out


def test_secrets_of_a_configuration_are_not_shown(
    project_folder: Project, command: Callable[..., Done], tmp_path: Path
) -> None:
    routes = "{name: hook, type: booked, handler: streamroute.handlers.webhook, with: {url: 'URL'}}"
    for name, secret in (("old.yaml", "hunter1"), ("new.yaml", "hunter2")):
        url = f"https://user:{secret}@example.com/{secret}"
        address = f"redis://:{secret}@127.0.0.1:1"
        text = OLD.replace("${REDIS_URL:-embedded}", address)
        project_folder.write(name, f"{text}  - {routes.replace('URL', url)}\n")
    for output_format in ("text", "json", "markdown"):
        done = command(*OPTIONS, "--format", output_format)
        assert "hunter" not in done.out + done.err
        assert "with.url" in done.out
        assert "redis.url" in done.out


def test_a_stored_generation_is_compared_with_the_file(
    project_folder: Project, command: Callable[..., Done]
) -> None:
    path = project_folder.write("routes.yaml", OLD)
    reader = recording_reader(path)
    document = check_path(path, imports=False, files=reader).document
    assert document is not None
    GenerationStore(project_folder.folder / "state").add(reader.record(), document)
    path.write_text(NEW)
    options = ("--events", "events.jsonl", "--state-dir", "state")
    done = command("diff", document.generation[:6], *options)
    assert (done.code, done.err) == (0, "")
    assert done.out == TEXT.replace("old.yaml ->", f"generation {document.generation} ->").replace(
        "new.yaml", "routes.yaml"
    ).replace("old.yaml", str(path))


def test_an_interrupt_ends_the_comparison(project_folder: Project) -> None:
    running = project_folder.start("diff", "old.yaml", "new.yaml", "--events", "-", stdin=subprocess.PIPE)
    running.stdin.write(EVENTS.encode() * 2000)  # more than a pipe holds: the command has begun to read
    running.stdin.flush()
    assert running.signal(signal.SIGINT).end() == Done(130, "", "\n")
