"""Many streams in one process, and a server outage."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from servers import wait_until

if TYPE_CHECKING:
    from projects import Project

STREAMS = 300


def configured(project: Project) -> None:
    names = [f"s{n}" for n in range(STREAMS)]
    streams = "".join(f"  {name}: {{group: tests}}\n" for name in names)
    head = f"version: 1\nredis:\n  url: ${{REDIS_URL}}\nstreams:\n{streams}routes:\n"
    routes = (
        f"name: {name}, stream: {name}, type: t, handler: jobs.ok, with: {{to: {name}}}" for name in names
    )
    project.routes(*routes, head=head)


@pytest.mark.deep
def test_a_server_that_goes_away_under_hundreds_of_streams_fills_no_log(lone_project: Project) -> None:
    """The outage is logged once for all streams, and all recover by themselves."""
    from servers import RealServer, valkey_binary

    with RealServer(valkey_binary(), append_only=True) as server:
        lone_project.env["REDIS_URL"] = server.url
        configured(lone_project)
        running = lone_project.start("serve", "--log-level", "warning")
        last = f"s{STREAMS - 1}"
        client: Any = lone_project.redis
        wait_until(lambda: client.exists(last) and client.xinfo_groups(last), "the last group", 60)
        server.kill()
        running.expect_log("failed; retrying")
        server.start()
        wait_until(lambda: "recovered" in running.err, "a stream that works again", 60)
        for n in range(STREAMS):
            client.xadd(f"s{n}", {"type": "t", "data": f'{{"n": {n}}}'})
        wait_until(lambda: len(lone_project.ledger) == STREAMS, "a message of each stream", 60)
        assert running.signal(signal.SIGTERM).end().code == 0
    assert len(running.err.splitlines()) < 60
