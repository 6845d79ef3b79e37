"""``serve`` under many failures: it continues, and its log stays short."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from servers import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Project
    from servers import RealServer

HEAD = """
version: 1
redis: {{url: "{url}"}}
defaults: {{group: tests, grace: 5s, lease: 60s, claim_interval: 100ms, retry: {{max_attempts: {attempts}, delay: 0ms}}}}
streams:
{streams}
routes:
"""  # noqa: E501 - a line of YAML


def head(url: str = "${REDIS_URL}", attempts: int = 1, streams: str = "  events: {concurrency: 2}") -> str:
    return HEAD.format(url=url, attempts=attempts, streams=streams)


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.deep
@pytest.mark.parametrize("workers", [[], ["--workers", "2"]])
def test_thousands_of_equal_failures_are_a_few_lines_with_their_count(
    project: Project, workers: list[str]
) -> None:
    project.routes(
        "name: a, type: t, handler: jobs.fail", "name: b, type: t, handler: jobs.leave", head=head()
    )
    project.feed(*(json.dumps({"type": "t", "n": n}) for n in range(3_000)))
    assert project.run("publish", "events", "events.jsonl").code == 0
    began = time.monotonic()
    done = project.run("serve", "--drain", *workers, "--log-format", "json")
    seconds = time.monotonic() - began
    assert done.code == 1
    failures = [record for record in records(done.err) if "failed permanently" in record["message"]]
    assert len(failures) <= 2 * 2 * (seconds + 2), "one line a second for each route, in up to two processes"
    for route in "ab":
        own = [record for record in failures if record["message"].startswith(f"route {route} ")]
        assert sum(record.get("repeated", 1) for record in own) == 3_000
    assert project.dead() == 6_000


def test_an_outage_of_many_streams_is_a_few_log_lines(
    lone_project: Project, start_server: Callable[..., RealServer]
) -> None:
    server, count = start_server(), 30
    streams = "\n".join(f"  s{n}: {{}}" for n in range(count))
    names = ", ".join(f"s{n}" for n in range(count))
    lone_project.routes(
        f"name: a, stream: [{names}], type: t, handler: jobs.ok", head=head(server.url, streams=streams)
    )
    running = lone_project.start("serve")
    running.expect_log(f"stream s{count - 1}, group tests")
    assert running.err.count(", group tests: 1 route") == count, "each stream has its line"
    server.kill()
    running.expect_log("failed; retrying")
    running.expect_log("more like it")
    server.restart()
    running.expect_log("recovered")
    wait_until(lambda: "leases" not in running.err or running.err.count("recovered") > 1, "leases")
    done = running.signal(signal.SIGTERM).end()
    lines = [line for line in done.err.splitlines() if " warning: " in line or " error: " in line]
    assert len(lines) < 40, done.err


NO_FILES = '''
import resource
from jobs import note


async def leaks(payload):
    """As a handler that closes none of its files: soon, nothing can be opened any more."""
    note("leaks", payload.attempt)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    raise ValueError("no such guest")
'''


def test_entries_are_settled_although_a_handler_has_left_no_file_to_open(project: Project) -> None:
    project.routes("name: leaks, type: t, handler: files.leaks")
    project.write("files.py", NO_FILES)
    running = project.start("serve").expect_log("serving")
    project.redis.xadd("events", {"type": "t", "data": '{"n": 1}'})
    wait_until(lambda: project.dead() == 1, "the dead letter")
    done = running.signal(signal.SIGTERM).end()
    assert done.code == 0, done.err
    assert project.pending() == 0
    assert "fault of streamroute" not in done.err
