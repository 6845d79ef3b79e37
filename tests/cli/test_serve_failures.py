"""``serve`` under many failures, and under ones that misbehave: it goes on, and its log stays short."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from misbehaving import ALL
from projects import ROOT, Project
from servers import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers import RealServer

HEAD = """
version: 1
redis: {{url: "{url}"}}
defaults: {{group: tests, grace: 5s, lease: 2s, claim_interval: 100ms, retry: {{max_attempts: {attempts}, delay: 0ms}}}}
streams:
{streams}
routes:
"""  # noqa: E501 - a line of YAML

MISBEHAVING = """
import asyncio
import sys

sys.path.insert(0, {tests!r})
from misbehaving import ALL
from jobs import note


async def later(payload):
    await asyncio.sleep(0)
    raise ALL[payload["kind"]]()


def in_a_thread(payload):
    raise ALL[payload["kind"]]()
"""


def head(url: str = "${REDIS_URL}", attempts: int = 1, streams: str = "  events: {concurrency: 2}") -> str:
    return HEAD.format(url=url, attempts=attempts, streams=streams)


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_thousands_of_equal_failures_are_a_few_lines_with_their_count(project: Project, workers: str) -> None:
    project.routes(
        "name: a, type: t, handler: jobs.fail", "name: b, type: t, handler: jobs.leave", head=head()
    )
    project.feed(*(json.dumps({"type": "t", "n": n}) for n in range(3_000)))
    assert project.run("publish", "events", "events.jsonl").code == 0
    done = project.run("serve", "--drain", "--workers", workers, "--log-format", "json")
    assert done.code == 1
    failures = [record for record in records(done.err) if "failed for good" in record["message"]]
    assert len(failures) < 200
    for route in "ab":
        own = [record for record in failures if record["message"].startswith(f"route {route} ")]
        assert sum(record.get("repeated", 1) for record in own) == 3_000
    assert project.dead() == 6_000


def test_whatever_handlers_raise_it_goes_on_and_says_it_in_a_line(project: Project) -> None:
    """More of them than slots, twice each, before one that is handled."""
    project.routes(
        "name: later, type: t, handler: odd.later",
        "name: thread, type: t, handler: odd.in_a_thread",
        "name: ok, type: '*', handler: jobs.ok",
        head=head(attempts=2),
    )
    text = (project.folder / "routes.yaml").read_text()
    project.write("routes.yaml", text.replace("routes:", "messages: {t: {}, good: {}}\nroutes:", 1))
    project.write("odd.py", MISBEHAVING.format(tests=str(ROOT / "tests")))
    events = [{"type": "t", "n": n, "kind": kind} for n, kind in enumerate(ALL)]
    project.feed(*map(json.dumps, [*events, {"type": "good", "n": "good"}]))
    done = project.run("serve", "--feed", "events.jsonl", "--drain")
    assert done.code == 1
    assert project.dead() == 2 * len(ALL)
    assert project.pending() == 0
    assert sorted(project.ledger) == sorted([*(f"ok {n}" for n in range(len(ALL))), "ok good"])
    assert len(done.err) < 300_000
    assert max(map(len, done.err.splitlines())) <= 16_100


def test_streams_that_lose_their_server_together_say_so_in_a_few_lines(
    lone_project: Project, start_server: Callable[..., RealServer]
) -> None:
    server, count = start_server(), 30
    streams = "\n".join(f"  s{n}: {{}}" for n in range(count))
    names = ", ".join(f"s{n}" for n in range(count))
    lone_project.routes(
        f"name: a, stream: [{names}], type: t, handler: jobs.ok", head=head(server.url, streams=streams)
    )
    running = lone_project.start("serve")
    running.says(f"stream s{count - 1}, group tests")
    assert running.err.count(", group tests: 1 route") == count, "each stream has its line"
    server.kill()
    running.says("failed, trying again until it works")
    running.says("more like it")
    server.restart()
    running.says("works again")
    wait_until(lambda: "heartbeats" not in running.err or "work again" in running.err, "heartbeats")
    done = running.signal(signal.SIGTERM).end()
    lines = [line for line in done.err.splitlines() if " warning: " in line or " error: " in line]
    assert len(lines) < 40, done.err
