"""``streamroute serve --metrics``, scraped from outside, while processes work, fail and die."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from metrics_scraper import Samples, Scraper
from projects import ROUTES, SHORT_LEASE
from repository import DOCS
from servers import RealServer, free_port, valkey_binary, wait_until

if TYPE_CHECKING:
    from projects import Project

REFERENCE = (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8")
GUIDE = (DOCS / "guide" / "monitoring.md").read_text(encoding="utf-8")
OK = "name: ok, type: t, handler: jobs.ok"
FAIL = "name: fail, type: f, handler: jobs.fail, retry: {max_attempts: 2, delay: 10ms}"
WAIT = "name: wait, type: w, handler: jobs.wait"
BLOCK = "name: block, type: b, handler: jobs.blocking"

# Poll the groups' state in Redis every few milliseconds instead of every few seconds.
QUICK_CENSUS = """
from streamroute.cli.entry import main
from streamroute.ops.metrics.group_poller import GroupPoller
GroupPoller.__init__.__kwdefaults__["every"] = 0.02
main()
"""


def publish(project: Project, *types: str) -> None:
    project.feed(*(json.dumps({"type": kind, "n": n}) for n, kind in enumerate(types)))
    assert project.run("publish", "events", "events.jsonl").code == 0


def test_outcomes_of_messages_are_counted(project: Project) -> None:
    project.routes(OK, FAIL)
    running = project.start("serve", "--metrics", "0")
    scraper = Scraper(running)
    project.redis.xadd("events", {"data": "no JSON"})
    publish(project, "t", "t", "f", "other")
    scraper.until(lambda seen: seen["messages_total", "dead", "fail", "events"] == 1, "a dead letter")
    scraper.until(lambda seen: seen["messages_unlisted_total", "events"] == 1, "the last message")
    found = scraper.until(
        lambda seen: (seen.get(("dead_letters", "events")), seen.get(("entries_unread", "events"))) == (2, 0),
        "what Redis knows then",
    )
    assert found["messages_matched_total", "ok", "events"] == 2
    assert found["messages_total", "succeeded", "ok", "events"] == 2
    assert found["messages_total", "retried", "fail", "events"] == 1
    assert found["messages_undecodable_total", "events"] == 1
    assert found["messages_total", "dead", "", "events"] == 1
    assert (found["up",], found["concurrency", "events"], found["processes",]) == (1, 32, 1)
    assert scraper.get("/healthz") == (200, "ok\n")
    assert running.signal(signal.SIGTERM).end().code == 0


def test_the_times_of_routes_and_the_classes_of_their_failures_are_exposed(project: Project) -> None:
    project.routes(OK, FAIL, WAIT)
    scraper = Scraper(project.start("serve", "--metrics", "0"))
    publish(project, *["t"] * 400, "f", "w")
    found = scraper.until(
        lambda seen: (
            seen.get(("handler_seconds_count", "ok", "events")) == 400
            and seen.get(("failures_total", "ValueError", "dead", "fail", "events")) == 1
            and seen.get(("route_handlers_running", "wait", "events")) == 1
        ),
        "400 runs, though most of them were not measured",
    )
    assert found["entry_seconds_count", "ok", "events"] == 400
    assert found["handler_seconds_bucket", "+Inf", "ok", "events"] == 400
    assert found["failures_total", "ValueError", "retried", "fail", "events"] == 1
    assert found["handler_seconds_count", "fail", "events"] == 2
    assert (
        found["entry_seconds_count", "fail", "events"] == found["entry_seconds_count", "wait", "events"] == 0
    )
    project.write("go", "")


def test_the_documentation_names_every_metric_and_no_other(project: Project) -> None:
    project.routes(OK)
    scraper = Scraper(project.start("serve", "--metrics", "127.0.0.1:0"))
    scraper.until(lambda seen: seen["up",] == 1, "an answer of Redis")
    exposed = re.findall(r"^# TYPE (\w+) (\w+)$", scraper.get("/metrics")[1], re.MULTILINE)
    assert re.findall(r"^\| `(streamroute_\w+)` \| (\w+)", REFERENCE, re.MULTILINE) == exposed
    for name in set(re.findall(r"streamroute_\w+", REFERENCE + GUIDE)):
        assert name in dict(exposed), f"{name} is in the documentation, and nowhere else"


def test_openmetrics_is_sent_on_request(project: Project) -> None:
    project.routes(OK)
    scraper = Scraper(project.start("serve", "--metrics", "0"))
    text = scraper.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")[1]
    assert text.endswith("# EOF\n")
    assert 'streamroute_messages_total{result="succeeded",route="ok",stream="events"} 0.0' in text


def test_a_scrape_may_ask_for_some_of_them(project: Project) -> None:
    project.routes(OK)
    scraper = Scraper(project.start("serve", "--metrics", "0"))
    some = scraper.get("/metrics?name[]=streamroute_up&name[]=streamroute_concurrency")[1]
    assert re.findall(r"^# TYPE (\w+)", some, re.MULTILINE) == ["streamroute_up", "streamroute_concurrency"]
    assert "streamroute_messages_total" in scraper.get("/metrics?name[]=")[1]


@pytest.fixture
def lone_server() -> Iterator[RealServer]:
    """A Valkey server that the test may kill."""
    with RealServer(valkey_binary(), append_only=True) as server:
        yield server


def test_during_an_outage_the_counts_are_still_served(lone_project: Project, lone_server: RealServer) -> None:
    server = lone_server
    lone_project.env["REDIS_URL"] = server.url
    lone_project.routes(OK)
    scraper = Scraper(lone_project.start("serve", "--metrics", "0", program=("-c", QUICK_CENSUS)))
    publish(lone_project, "t")
    scraper.until(lambda seen: seen["messages_total", "succeeded", "ok", "events"] == 1, "the message")
    scraper.until(lambda seen: ("entries_pending", "events") in seen, "what Redis knows")
    server.kill()
    found = scraper.until(lambda seen: seen["up",] == 0, "the end of Redis")
    assert ("entries_pending", "events") not in found
    assert found["messages_total", "succeeded", "ok", "events"] == 1
    assert scraper.get("/healthz") == (503, "Redis has not answered lately\n")
    scraper.until(lambda seen: seen["outages_total", "events"] >= 1, "an outage")
    server.start()
    scraper.until(lambda seen: seen["up",] == 1, "Redis back")
    assert scraper.get("/healthz")[0] == 200


def test_a_loss_is_counted_and_logged(project: Project) -> None:
    project.routes(WAIT, head=SHORT_LEASE)
    running = project.start("serve", "--metrics", "0")
    scraper = Scraper(running)
    publish(project, "w", "w")
    wait_until(lambda: len(project.ledger) == 2, "handlers that wait")
    assert scraper.samples()["handlers_running", "events"] == 2
    project.redis.xgroup_destroy("events", "tests")
    found = scraper.until(lambda seen: seen["groups_recreated_total", "events"] == 1, "the loss of the group")
    assert "the group tests of events was missing" in running.err
    assert found["outages_total", "events"] >= 1
    scraper.until(lambda seen: seen.get(("entries_pending", "events")) == 2, "the entries, pending again")
    project.redis.xtrim("events", maxlen=0)
    scraper.until(lambda seen: seen["entries_deleted_total", "events"] == 2, "the loss of the entries")
    assert "entries of events were deleted while they were pending" in running.err
    project.write("go", "")


def test_metrics_are_served_while_the_event_loop_is_blocked(project: Project) -> None:
    project.routes(BLOCK)
    scraper = Scraper(project.start("serve", "--metrics", "0"))
    publish(project, "b")
    project.notes("started 0")
    found = scraper.until(lambda seen: seen["event_loop_lag_seconds",] > 1, "a lag")
    assert found["handlers_running", "events"] == 1


@pytest.mark.processes
def test_counts_of_all_workers_are_summed_and_those_of_dead_ones_kept(project: Project) -> None:
    project.routes(OK, WAIT, head=ROUTES.replace("lease: 5m", "lease: 4s"))  # each is claimed once
    running = project.start("serve", "--workers", "2", "--metrics", "0")
    scraper = Scraper(running)
    scraper.until(lambda seen: seen["processes",] == 2, "two workers")
    publish(project, *50 * "t")
    found = scraper.until(lambda seen: seen["messages_total", "succeeded", "ok", "events"] == 50, "all 50")
    assert (found["up",], found["concurrency", "events"], found["workers_died_total",]) == (1, 64, 0)
    publish(project, "w", "w")
    scraper.until(lambda seen: seen["handlers_running", "events"] == 2, "handlers that wait")
    for pid in re.findall(r"worker \d+ is process (\d+)", running.err):
        os.kill(int(pid), signal.SIGKILL)
    counts: list[float] = []

    def died(seen: Samples) -> bool:
        counts.append(seen["messages_total", "succeeded", "ok", "events"])
        return seen["workers_died_total",] == 2 and seen["processes",] == 2

    scraper.until(died, "two new workers")
    found = scraper.until(lambda seen: seen["entries_redelivered_total", "events"] == 2, "what they had left")
    assert found["entries_claimed_total", "events"] == 2
    project.write("go", "")
    publish(project, *50 * "t")
    scraper.until(lambda seen: seen["messages_total", "succeeded", "ok", "events"] == 100, "all 100")
    assert set(counts) == {50}
    scraper.until(
        lambda seen: seen["handler_seconds_count", "ok", "events"] == 100, "the times of dead workers, too"
    )
    assert running.signal(signal.SIGTERM).end().code == 0


@pytest.mark.processes
def test_one_worker_is_counted_by_its_supervisor(project: Project) -> None:
    """Its endpoint survives the worker's death."""
    project.routes(OK)
    running = project.start("serve", "--workers", "1", "--metrics", "0")
    scraper = Scraper(running)
    scraper.until(lambda seen: seen["processes",] == 1, "a worker")
    os.kill(int(re.findall(r"worker 1 is process (\d+)", running.err)[0]), signal.SIGKILL)
    scraper.until(lambda seen: seen["workers_died_total",] == 1 and seen["processes",] == 1, "a new worker")
    assert running.signal(signal.SIGTERM).end().code == 0


def test_a_stopped_worker_is_reported(project: Project) -> None:
    project.routes(OK)
    running = project.start("serve", "--workers", "2", "--metrics", "0")
    scraper = Scraper(running)
    scraper.until(lambda seen: seen["processes",] == 2, "two workers")
    pid = int(re.findall(r"worker \d+ is process (\d+)", running.err)[0])
    os.kill(pid, signal.SIGSTOP)
    scraper.until(lambda seen: seen["event_loop_lag_seconds",] > 3, "a lag")
    os.kill(pid, signal.SIGCONT)
    scraper.until(lambda seen: seen["event_loop_lag_seconds",] < 3, "no lag")
    assert running.process.poll() is None


def test_a_run_with_an_end_has_metrics_until_then(project: Project) -> None:
    project.routes(OK)
    project.feed('{"type": "t", "n": 1}')
    done = project.run("serve", "--metrics", "0", "--feed", "events.jsonl", "--drain")
    assert done.code == 0
    assert done.out.splitlines()[1:] == ["events  ok           1          1       0"]


def test_an_address_that_is_taken_ends_the_command(project: Project) -> None:
    project.routes(OK)
    first = project.start("serve", "--metrics", f"127.0.0.1:{free_port()}")
    where = Scraper(first).url.removeprefix("http://")
    for more in ([], ["--workers", "2"]):
        second = project.run("serve", "--metrics", where, *more)
        assert second.code == 1
        assert f"error: --metrics cannot listen on {where}: address already in use" in second.err


def test_an_invalid_address_is_a_usage_error(project: Project) -> None:
    project.routes(OK)
    done = project.run("serve", "--metrics", "nowhere")
    assert done.code == 2
    assert "Invalid value for '--metrics': 'nowhere' does not end in a port" in done.err


def test_without_the_extra_the_error_names_it(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    done = command("serve", "--metrics", "9464")
    assert done.code == 1
    assert "--metrics needs prometheus-client: pip install 'streamroute[metrics]'" in done.err


def test_without_the_option_nothing_of_it_is_loaded(project: Project) -> None:
    """The extra need not be installed."""
    project.write("prometheus_client.py", "raise RuntimeError('loaded')")
    project.env["PYTHONPATH"] = f"{project.folder}{os.pathsep}{project.env['PYTHONPATH']}"
    project.routes(OK)
    assert project.run("serve", "--drain").code == 0
    assert project.run("serve", "--drain", "--workers", "2").code == 0
