"""A metric is declared once: the counters, the workers' reports, the collector and the reference follow."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from repository import DOCS
from streamroute.adapters.groups.stats import GroupStats
from streamroute.core.observer import Result
from streamroute.message import Message
from streamroute.ops.metrics.collector import RouteCollector
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.metrics.declarations import ROUTE_METRICS, RouteMetric
from streamroute.ops.metrics.group_poller import GroupPoller
from streamroute.ops.metrics.process_stats import ProcessStats
from streamroute.ops.metrics.reload_status import ReloadStatus
from streamroute.ops.metrics.sources import MetricsSources
from streamroute.ops.workers.report import WorkerReport
from streamroute.values import DeadLetter

ROUTES = {"s": ("a",)}
ONE_MORE = RouteMetric(
    "recovered",
    "messages_recovered",
    "Messages that succeeded after a failure.",
    lambda result, is_first: result is Result.SUCCEEDED and not is_first,
)


async def _group() -> GroupStats:
    paused = (("r", "manual"),)
    return GroupStats(1, 1, 1, 1, 1.0, 1.0, parked=1, paused=paused)


def exposed(counters: Counters, *, poller: GroupPoller | None = None) -> list[Any]:
    """Return the metric families of a scrape."""
    stats = ProcessStats(stopped_canaries={"s": {"a": 0}}, running_routes={"s": {"a": 1}})
    sources = MetricsSources(
        lambda: counters, lambda: [stats], poller or GroupPoller(dict), ReloadStatus("abc")
    )
    registry = CollectorRegistry()
    registry.register(RouteCollector(sources, lambda: ROUTES, counters.metrics))
    return list(text_string_to_metric_families(generate_latest(registry).decode()))


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_a_declared_metric_is_collected_from_all_workers(attempts: int) -> None:
    """Observed in a worker, it arrives by its name in a report, and is exposed by the supervisor."""
    worker = Counters(ROUTES, metrics=(*ROUTE_METRICS, ONE_MORE))
    for attempt in range(1, attempts + 1):
        worker.observe(Message({}, stream="s", attempt=attempt), "a", Result.SUCCEEDED)
    report = WorkerReport.from_line(WorkerReport(counts=worker, stats=ProcessStats()).to_line())
    assert report.counts is not None
    total = Counters(ROUTES, metrics=worker.metrics)
    total.add(report.counts)
    [family] = [found for found in exposed(total) if found.name == "streamroute_messages_recovered"]
    assert (family.type, family.documentation) == ("counter", ONE_MORE.help)
    assert [sample.value for sample in family.samples if sample.name.endswith("_total")] == [attempts - 1]


async def test_the_reference_describes_each_metric_with_its_kind_and_labels() -> None:
    counters, poller = Counters(ROUTES), GroupPoller(lambda: {"s": _group})
    counters.observe(Message({}, stream="s"), "shade", Result.SHADOW_MATCHED)
    recorder = counters.recorded.recorder("s")
    recorder.failed(DeadLetter("a", "", error_class="KeyError"))
    recorder.timing("a").start().succeeded(Message({}, id="1-0", stream="s"))
    await poller.poll()
    page = (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8")
    described = re.findall(
        r"^\| `streamroute_(\w+?)(?:_total)?` \| (\w+) \| ([\w, ]*?) *\|", page, re.MULTILINE
    )
    actual = [
        (family.name.removeprefix("streamroute_"), family.type, set(family.samples[0].labels) - {"le"})
        for family in exposed(counters, poller=poller)
    ]
    assert sorted(
        (name, kind, set(filter(None, labels.split(", ")))) for name, kind, labels in described
    ) == (sorted(actual))
