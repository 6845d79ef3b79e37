"""A router with long and hostile names of everything, and with entries in every state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from busy_shop import publish
from projects import JOBS, QUICK_SNAPSHOTS, Project
from servers import RealServer, valkey_binary, wait_until
from streamroute.adapters.entries.dead_record import DeadRecord

if TYPE_CHECKING:
    from typing import Any

WIDE: Final = "お客様へのご予約確認メールを送信するための非常に長い名前のルート"
MARKS: Final = "z\u0301\u0302\u0303\u0304\u0305\u0306\u0307" * 30
EVIL: Final = "evil\x1b[2J\x1b]0;title\x07\r\u202eright\u2028line" + "x" * 60
LONG: Final = "welcome-the-guest-of-a-booking-that-was-confirmed-in-the-middle-of-the-night"
FAILS: Final = f"{LONG}-fails"
STREAM: Final = f"bookings-{WIDE}"

_HEAD: Final = f"""
version: 1
redis:
  url: ${{REDIS_URL:-embedded}}
streams:
  events: {{group: tests, grace: 1s, retry: {{max_attempts: 1}}}}
  {json.dumps(STREAM)}: {{group: tests, grace: 1s, retry: {{max_attempts: 2, delay: 2h, max_delay: 2h}}}}
routes:
"""


def _route(name: str, kind: str, stream: str, handler: str, more: str = "") -> str:
    types = json.dumps([kind, f"{kind}.{LONG}.{WIDE}"])
    return (
        f"  - name: {json.dumps(name)}\n    type: {types}\n    stream: {json.dumps(stream)}\n"
        f"    handler: jobs.{handler}\n{more}"
    )


_FILTER: Final = f"    filter: \"n > `0` || guest.name == '{WIDE}' || guest.tier == '{LONG}'\"\n"
ROUTES: Final = "".join(
    [
        _route(LONG, "a", "events", "wait", _FILTER),
        _route(FAILS, "b", "events", "fail"),
        _route(f"{LONG}-again", "b", STREAM, "fail"),
        _route(f"{LONG}-never", "d", "events", "ok", "    enabled: false\n"),
        _route(f"{LONG}-later", "c", "events", "ok"),
    ]
)
_TESTS: Final = f"""
version: 1
tests:
  - name: {json.dumps(f"{WIDE} {LONG}")}
    message: {{type: a, n: 1}}
    routes: [{FAILS}]
"""


@contextmanager
def crowded_shop(folder: Path) -> Iterator[Project]:
    """Run the router on a server of its own, beside which commands find all kinds of things to list."""
    deep = folder / "a-folder-with-a-long-name" / "and-another-one" / "below-it"
    deep.mkdir(parents=True)
    with RealServer(valkey_binary()) as server, Project(deep, {"REDIS_URL": server.url}) as project:
        project.write("jobs.py", JOBS.replace("no such guest", f"no such guest {WIDE} {LONG} {MARKS}"))
        project.write("routes.yaml", _HEAD + ROUTES)
        project.write("old.yaml", _HEAD + ROUTES.replace("n > `0`", "n > `5`"))
        project.write(
            "broken.yaml", _HEAD + ROUTES.replace("    type", "    typo").replace("n > `0`", f"{LONG} =")
        )
        project.write("routes.test.yaml", _TESTS)
        project.write("event.json", json.dumps({"type": "a", "n": 1, "guest": {"name": WIDE, "tier": LONG}}))
        project.write("events.jsonl", json.dumps({"type": "a", "n": 3}) + "\n")
        running = project.start("serve", "--reload", "--state-dir", "state", program=("-c", QUICK_SNAPSHOTS))
        running.expect_log("serving")
        publish(project, "events", *({"type": kind, "n": 1} for kind in "aabbbcc"))
        publish(project, STREAM, *({"type": "b", "n": 1} for _ in range(3)))
        wait_until(lambda: project.dead() == 3, "the dead letters")
        for number, text in enumerate((WIDE, MARKS, EVIL)):
            project.redis.xadd("{events}:tests:dead", _letter(number, text).write())
        wait_until(lambda: _scheduled(project) == 3, "the retries")
        who = ("--as", f"{WIDE}@{LONG}")
        project.run("pause", f"{LONG}-later", "--reason", f"{LONG} {WIDE}", "--for", "2h", *who)
        done = project.run(
            "replay", "events", "--from", "-1h", "--route", FAILS, "--yes", "--reason", f"{LONG} {WIDE}", *who
        )
        assert done.code == 0, done.err
        wait_until(lambda: _is_running(project), "the snapshot of the worker")
        yield project


def _letter(number: int, text: str) -> DeadRecord:
    """Return a dead letter whose texts are all the same: anybody may have written it."""
    fields = {b"type": text.encode(), b"data": b"{}"}
    return DeadRecord(
        id=f"{number}-0", stream="events", group="tests", route=text, reason=f"failed: {text}",
        error=f"{text}: {text}", traceback=text, attempt=1, deliveries=1, fields=fields, type=text,
        error_class=text, frame=text,
    ).signed()  # fmt: skip


def _scheduled(project: Project) -> int:
    return int(project.redis.zcard(f"{{{STREAM}}}:tests:due"))


def _is_running(project: Project) -> bool:
    status: dict[str, Any] = json.loads(project.run("status", "--format", "json").out)
    return any(worker["running"] for stream in status["streams"] for worker in stream["workers"])
