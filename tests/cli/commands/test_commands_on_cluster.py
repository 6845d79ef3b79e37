"""The commands on a cluster: streams on different nodes are fed, routed, forwarded, drained, inspected."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from clusters import RealCluster
from projects import Project
from servers import redis_binary, wait_until
from streamroute.keys import slot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.processes

HEAD = """
version: 1
redis: {url: "${REDIS_URL}"}
defaults: {group: tests, claim_interval: 100ms, retry: {max_attempts: 1}}
streams: {events: , archive: }
routes:
"""
ROUTES = (
    "name: copy, stream: events, type: t, handler: streamroute.handlers.forward, with: {stream: archive}",
    "name: fail, stream: events, type: t, handler: jobs.fail",
    "name: keep, stream: archive, type: t, handler: jobs.ok",
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RealCluster]:
    binary = redis_binary()
    if binary is None:
        pytest.skip("redis-server is not installed")
    with RealCluster(binary) as made:
        yield made


@pytest.fixture
def cluster_project(tmp_path: Path, cluster: RealCluster) -> Iterator[Project]:
    for node in cluster.nodes:
        if node.is_master:
            node.ask("FLUSHALL")
    with Project(tmp_path, {"REDIS_URL": cluster.url}) as made:
        made.routes(*ROUTES, head=HEAD)
        made.feed(*(json.dumps({"type": "t", "n": n}) for n in range(20)))
        yield made


def test_the_streams_are_on_different_nodes(cluster: RealCluster) -> None:
    assert cluster.master_of(slot("events")) is not cluster.master_of(slot("archive"))


def test_a_feed_is_routed_and_its_dead_letters_are_brought_back(cluster_project: Project) -> None:
    assert cluster_project.run("check").code == 0
    done = cluster_project.run("serve", "--feed", "events.jsonl", "--feed-stream", "events", "--drain")
    assert done.code == 1, done.err
    rows = [line.split() for line in done.out.splitlines()]
    assert ["events", "copy", "20", "20", "0"] in rows
    assert ["events", "fail", "20", "0", "20"] in rows
    drained = cluster_project.run("serve", "--drain")
    assert drained.code == 0, drained.err
    kept = [line for line in cluster_project.ledger if line.startswith("ok")]
    assert sorted(kept) == sorted(f"ok {n}" for n in range(20))
    listed = cluster_project.run("dead", "list", "--format", "json", "--newer", "1h")
    assert len(json.loads(listed.out)["letters"]) == 20
    assert "20" in cluster_project.run("dead", "retry", "--route", "fail").out
    assert cluster_project.run("serve", "--drain").code == 1
    assert "20" in cluster_project.run("dead", "drop", "--all", "--yes").out
    assert json.loads(cluster_project.run("dead", "list", "--format", "json").out)["letters"] == []


def test_several_workers_share_a_stream(cluster_project: Project) -> None:
    assert cluster_project.run("publish", "archive", "events.jsonl").code == 0
    done = cluster_project.run("serve", "--workers", "2", "--drain")
    assert done.code == 0, done.err
    assert sorted(cluster_project.ledger) == sorted(f"ok {n}" for n in range(20))


def test_every_stream_is_measured_on_its_node(cluster_project: Project) -> None:
    running = cluster_project.start(
        "serve", "--metrics", "0", "--feed", "events.jsonl", "--feed-stream", "events"
    )
    running.expect_log("metrics are at http://")
    [url] = re.findall(r"metrics are at (http://\S+)", running.err)

    def scraped() -> str:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own server
            return str(answer.read().decode())

    wait_until(lambda: 'streamroute_dead_letters{stream="events"} 20.0' in scraped(), "dead letters")
    wait_until(lambda: 'streamroute_entries_unread{stream="archive"} 0.0' in scraped(), "the other stream")
    assert 'streamroute_dead_letters{stream="archive"} 0.0' in scraped()


def test_dead_letters_in_another_slot_are_refused_before_anything_is_read(cluster_project: Project) -> None:
    cluster_project.routes(*ROUTES, head=HEAD.replace("group: tests", "group: tests, dead_letter: lost"))
    done = cluster_project.run("serve", "--drain")
    assert done.code == 1
    assert '"events" and "lost" are in different cluster slots' in done.err + done.out


def test_the_status_of_streams_on_different_nodes_is_read_and_retries_are_cancelled(
    cluster_project: Project,
) -> None:
    cluster_project.routes(*ROUTES, head=HEAD.replace("max_attempts: 1", "max_attempts: 2, delay: 9m"))
    running = cluster_project.start("serve", "--feed", "events.jsonl", "--feed-stream", "events")

    def streams() -> dict[str, Any]:
        done = cluster_project.run("status", "--format", "json")
        assert done.code == 0, done.err
        return {stream["stream"]: stream for stream in json.loads(done.out)["streams"]}

    def is_shown() -> bool:
        found = streams()
        active = {route["route"] for stream in found.values() for route in stream["routes"]}
        return {"copy", "fail", "keep"} <= active and found["events"]["retries"]["scheduled"] == 20

    wait_until(is_shown, "the snapshots of both streams", timeout=60)
    assert all(stream["workers"][0]["alive"] for stream in streams().values())
    assert "20 retries cancelled" in cluster_project.run("status", "retries", "cancel", "--all", "--yes").out
    assert streams()["events"]["dead"]["count"] == 20
    running.signal(signal.SIGTERM).end()
    assert streams()["events"]["workers"] == []
