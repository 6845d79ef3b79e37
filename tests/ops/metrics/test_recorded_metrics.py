"""The metrics of what is recorded are bounded, and never decrease."""

from __future__ import annotations

import time
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from streamroute.core.recording.histogram import LIMITS
from streamroute.core.recording.route_timing import Run
from streamroute.message import Message
from streamroute.ops.metrics.counters import OTHER_ROUTES
from streamroute.ops.metrics.process_stats import ProcessStats
from streamroute.ops.metrics.recorded import Recorded
from streamroute.ops.metrics.recorded_metrics import RecordedMetrics, running_routes
from streamroute.values import DeadLetter, RetryLater


class Scrape(Collector):
    """Exposes what is recorded."""

    def __init__(self, recorded: Recorded, max_routes: int = 1_000) -> None:
        self.recorded = recorded
        self.metrics = RecordedMetrics(max_routes)

    def collect(self) -> Any:
        return self.metrics.collect(self.recorded)

    def text(self) -> str:
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry).decode()

    def samples(self) -> dict[Any, float]:
        return {
            (sample.name.removeprefix("streamroute_"), *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
        }


def record(recorded: Recorded, route: str, seconds: float = 0.0) -> None:
    """Record one run of a route that took as long, and whose entry is as old."""
    recorder = recorded.recorder("s")
    recorder.timings[route] = timing = recorder.timing(route)
    message = Message({}, id=f"{int((time.time() - seconds) * 1000)}-0", stream="s")
    Run(timing, time.monotonic() - seconds, 1).succeeded(message)


def test_a_run_is_in_the_buckets_of_all_limits_above_it() -> None:
    scrape = Scrape(Recorded())
    record(scrape.recorded, "a", 8.0)
    samples = scrape.samples()
    for name in ("handler_seconds", "entry_seconds"):
        by_limit = {float(key[1]): value for key, value in samples.items() if key[0] == f"{name}_bucket"}
        assert [limit for limit, value in by_limit.items() if value] == [
            *(limit for limit in LIMITS if limit >= 10.0),
            float("inf"),
        ]
        assert samples[f"{name}_count", "a", "s"] == 1
        assert 7.9 < samples[f"{name}_sum", "a", "s"] < 9.9


def test_only_routes_that_ran_have_series() -> None:
    scrape = Scrape(Recorded())
    scrape.recorded.recorder("s").timing("a")
    assert scrape.samples() == {}


def test_routes_beyond_the_limit_share_one_pair_of_histograms() -> None:
    scrape = Scrape(Recorded(), max_routes=2)
    for route in ("a", "b"):
        record(scrape.recorded, route)
    scrape.samples()
    for route in ("c", "d", "a"):
        record(scrape.recorded, route)
    samples = scrape.samples()
    counts = {key[1]: value for key, value in samples.items() if key[0] == "handler_seconds_count"}
    assert counts == {"a": 2, "b": 1, OTHER_ROUTES: 2}


def test_ten_thousand_busy_routes_are_an_answer_of_bounded_size() -> None:
    scrape = Scrape(Recorded())
    for number in range(10_000):
        record(scrape.recorded, f"a-route-with-a-rather-long-name-{number}")
    assert len(scrape.text()) < 6_000_000


def test_failures_have_the_class_of_the_exception() -> None:
    scrape = Scrape(Recorded())
    recorder = scrape.recorded.recorder("s")
    recorder.failed(RetryLater("a", 1.0, 2, "", error_class="KeyError"))
    recorder.failed(DeadLetter("a", "", error_class='"odd"\\'))
    assert scrape.samples() == {
        ("failures_total", "KeyError", "retried", "a", "s"): 1,
        ("failures_total", '"odd"\\', "dead", "a", "s"): 1,
    }


def test_running_handlers_are_added_up_over_the_processes() -> None:
    stats = ProcessStats(running_routes={"s": {"a": 1, "b": 2}})
    again = ProcessStats.from_dict(stats.as_dict())
    samples = {
        tuple(sample.labels.values()): sample.value for sample in running_routes([stats, again]).samples
    }
    assert samples == {("s", "a"): 2, ("s", "b"): 4}
