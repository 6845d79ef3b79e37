"""Handlers that ignore their cancellation: the log, and what happens to their entries."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from metrics_scraper import Scraper
from projects import ROUTES, SHORT_LEASE
from servers import wait_until

if TYPE_CHECKING:
    from projects import Project, Running

pytestmark = pytest.mark.processes

STUBBORN = "name: stubborn, type: s, handler: jobs.stubborn, timeout: 100ms"
OK = "name: ok, type: t, handler: jobs.ok"
_TIMEOUT = 60.0  # seconds; a handler counts as stuck after ten


def configured(project: Project, head: str = ROUTES, **settings: object) -> None:
    """Configure two routes, one of which is stubborn, with these settings of the stream."""
    lines = "".join(f"    {key}: {value}\n" for key, value in {"concurrency": 1, **settings}.items())
    project.routes(STUBBORN, OK, head=head.replace("    grace: 20s\n", f"    grace: 1s\n{lines}"))


def expect_log(running: Running, text: str) -> None:
    wait_until(lambda: text in running.err or running.has_ended, f"{text!r} in the log", _TIMEOUT)
    assert text in running.err, running.err


def test_an_entry_of_a_stuck_handler_is_abandoned_and_health_is_503(project: Project) -> None:
    """The log names the handler with its stack, and the metrics count it."""
    configured(project)
    scraper = Scraper(running := project.start("serve", "--metrics", "127.0.0.1:0"))
    wait_until(lambda: scraper.get("/healthz") == (200, "ok\n"), "health", _TIMEOUT)
    project.redis.xadd("events", {"type": "s", "data": '{"n": 1}'})
    project.notes("started 1")
    assert scraper.samples()["concurrency_stuck", "events"] == 0
    expect_log(running, "a cancelled handler keeps running and occupies a worker")
    assert "stubborn at " in running.err
    assert "jobs.py" in running.err
    status, text = scraper.get("/healthz")
    assert (status, text) == (503, "every handler of events is stuck, so no message runs\n")
    samples = scraper.samples()
    assert (samples["concurrency_stuck", "events"], samples["handlers_stuck_total", "events"]) == (1, 1)
    assert running.signal(signal.SIGTERM).end().code == 0


def test_a_process_that_is_to_end_where_a_handler_is_stuck_ends_with_1(project: Project) -> None:
    """Its entries stay pending for the process that replaces it."""
    configured(project, SHORT_LEASE, on_stuck="exit", max_deliveries=1)
    running = project.start("serve")
    project.redis.xadd("events", {"type": "s", "data": '{"n": 1}'})
    project.redis.xadd("events", {"type": "t", "data": '{"n": 2}'})
    expect_log(running, "a handler of events is stuck; exiting (on_stuck: exit)")
    assert running.end().code == 1
    after = project.start("serve")
    project.notes("ok 2")
    wait_until(lambda: project.dead() == 1, "the stubborn one in the dead letters", _TIMEOUT)
    assert after.signal(signal.SIGTERM).end().code == 0
