"""The collector turns counters into metrics on each scrape."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from messages import message_of
from streamroute.adapters.groups.stats import GroupStats
from streamroute.core.observer import Result
from streamroute.incidents import Incident
from streamroute.message import Message
from streamroute.ops.metrics.collector import RouteCollector
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.metrics.group_poller import GroupPoller
from streamroute.ops.metrics.process_stats import ProcessStats
from streamroute.ops.metrics.reload_status import ReloadStatus
from streamroute.ops.metrics.sources import MetricsSources

ROUTES = {"s": ("a", "b")}


class Service:
    """The state of a running service; ``samples()`` is what it exposes."""

    def __init__(self, *stats: ProcessStats) -> None:
        self.counters = Counters(ROUTES)
        self.standing = GroupStats()
        self.group_poller = GroupPoller(lambda: {"s": self._ask})
        self.status = ReloadStatus("abc", clock=lambda: 12.0)
        self.sources = MetricsSources(lambda: self.counters, lambda: stats, self.group_poller, self.status)
        self.registry = CollectorRegistry()
        self.registry.register(RouteCollector(self.sources, lambda: self.counters.routes))

    async def _ask(self) -> GroupStats:
        return self.standing

    def samples(self) -> dict[Any, float]:
        text = generate_latest(self.registry).decode()
        return {
            (sample.name.removeprefix("streamroute_"), *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


def message(**facts: Any) -> Message:
    return message_of({"type": "t"}, id="5-0", stream="s", **facts)


def test_every_route_has_every_result_from_the_start() -> None:
    """An alert on an increase sees the first failure, since the counter was 0 before."""
    samples = Service().samples()
    results = ["succeeded", "retried", "postponed", "skipped", "dead"]
    for route in "ab":
        assert samples["messages_matched_total", route, "s"] == 0
        assert [samples["messages_total", result, route, "s"] for result in results] == [0] * 5
    assert samples["messages_total", "dead", "", "s"] == 0


def test_outcomes_are_counted_by_route_and_result() -> None:
    service = Service()
    service.counters.observe(message(), "a", Result.RETRIED)
    service.counters.observe(message(attempt=2), "a", Result.SUCCEEDED)
    service.counters.observe(message(), "b", Result.POSTPONED)
    service.counters.observe(message(), "b", Result.SKIPPED)
    service.counters.observe(message(), "b", Result.DEAD)
    samples = service.samples()
    assert samples["messages_matched_total", "a", "s"] == 1
    assert samples["messages_matched_total", "b", "s"] == 2
    expected = {("retried", "a"), ("succeeded", "a"), ("postponed", "b"), ("skipped", "b"), ("dead", "b")}
    ones = {key[1:3] for key, value in samples.items() if key[0] == "messages_total" and value == 1}
    assert ones == expected


def test_messages_of_a_feed_are_counted_like_others() -> None:
    service = Service()
    service.counters.begin_feed("s", "4-0")
    service.counters.observe(message(), "a", Result.SUCCEEDED)
    assert service.samples()["messages_total", "succeeded", "a", "s"] == 1


def test_events_without_a_route_are_counted_by_stream() -> None:
    service = Service()
    service.counters.observe(message(decode_error="no JSON"), None, Result.DEAD)
    service.counters.observe(message(), None, Result.UNKNOWN)
    service.counters.observe(message(), None, Result.LOST)
    for incident in Incident:
        of_workers = incident in {Incident.WORKER_DIED, Incident.RELOAD_MISSED}
        service.counters.count_event("" if of_workers else "s", incident, 2)
    samples = service.samples()
    assert samples["messages_total", "dead", "", "s"] == 1
    for name in ("messages_undecodable", "messages_unlisted", "leases_lost"):
        assert samples[f"{name}_total", "s"] == 1
    for name in ("entries_claimed", "entries_redelivered", "entries_deleted"):
        assert samples[f"{name}_total", "s"] == 2
    for name in ("groups_recreated", "outages", "handlers_stuck"):
        assert samples[f"{name}_total", "s"] == 2
    assert samples["workers_died_total",] == samples["workers_missed_reload_total",] == 2


def test_message_types_are_not_used_as_labels() -> None:
    """They come from outside, and their number is unlimited."""
    service = Service()
    before = len(service.samples())
    for n in range(100):
        service.counters.observe(Message({"type": f"t{n}"}, stream="s"), None, Result.UNKNOWN)
    assert len(service.samples()) == before


def test_the_configuration_has_its_generation_and_the_results_of_reloads() -> None:
    service = Service()
    service.status.record_applied("def")
    service.status.record_refused()
    samples = service.samples()
    assert samples["config_info", "def"] == 1
    assert samples["config_last_reload_successful",] == 0
    assert samples["config_last_reload_success_timestamp_seconds",] == 12
    counts = [samples["config_reloads_total", result] for result in ("applied", "refused", "unchanged")]
    assert counts == [1, 1, 0]


def test_the_processes_tell_which_generations_they_run_and_which_they_still_use() -> None:
    samples = Service().samples()
    assert samples["config_old_generations",] == samples["config_old_generation_messages",] == 0
    first = ProcessStats(generation="abc", old_generations={"one": 2, "two": 1})
    samples = Service(
        first, ProcessStats(generation="abc"), ProcessStats(generation="two", old_generations={"one": 4})
    ).samples()
    assert [samples["config_processes", name] for name in ("abc", "two")] == [2, 1]
    assert samples["config_old_generations",] == 2
    assert samples["config_old_generation_messages",] == 7


def test_routes_that_a_reload_adds_are_exposed_and_removed_ones_keep_their_counts() -> None:
    service = Service()
    service.counters.observe(message(), "a", Result.SUCCEEDED)
    service.counters.use_routes({"s": ("b", "c")})
    service.counters.observe(message(), "c", Result.SUCCEEDED)
    samples = service.samples()
    assert [samples["messages_total", "succeeded", route, "s"] for route in "abc"] == [1, 0, 1]


async def test_groups_have_statistics_as_far_as_known() -> None:
    service = Service()
    assert service.samples()["up",] == 0
    service.standing = GroupStats(unread=None, pending=3, scheduled=0, dead=2, oldest=1.5)
    await service.group_poller.poll()
    samples = service.samples()
    assert samples["up",] == 1
    assert samples["entries_pending", "s"] == 3
    assert samples["retries_scheduled", "s"] == 0
    assert samples["dead_letters", "s"] == 2
    assert samples["oldest_pending_seconds", "s"] == 1.5
    assert ("entries_unread", "s") not in samples


def test_shadows_are_exposed_by_what_they_would_have_done() -> None:
    service = Service()
    assert not any(name == "shadow_messages_total" for name, *_ in service.samples())
    for result, times in (
        (Result.SHADOW_MATCHED, 3),
        (Result.SHADOW_NOT_MATCHED, 2),
        (Result.SHADOW_TRANSFORM_ERROR, 1),
    ):
        for _ in range(times):
            service.counters.observe(message(), "shade", result)
    samples = service.samples()
    counts = {key[1]: value for key, value in samples.items() if key[0] == "shadow_messages_total"}
    assert counts == {"matched": 3, "not_matched": 2, "filter_error": 0, "transform_error": 1}
    assert ("messages_matched_total", "shade", "s") not in samples


def test_a_stopped_canary_is_exposed_with_the_number_of_its_processes() -> None:
    assert not any(name == "canary_stopped" for name, *_ in Service(ProcessStats()).samples())
    one, other = ({"s": {"new": stopped, "newer": 0}} for stopped in (1, 0))
    samples = Service(*(ProcessStats(stopped_canaries=each) for each in (one, one, other))).samples()
    assert samples["canary_stopped", "new", "s"] == 2
    assert samples["canary_stopped", "newer", "s"] == 0


def test_processes_are_added_up_and_the_latest_loop_counts() -> None:
    samples = Service(
        ProcessStats(0.5, {"s": 3}, {"s": 32}), ProcessStats(2.0, {"s": 1}, {"s": 32})
    ).samples()
    assert samples["handlers_running", "s"] == 4
    assert samples["concurrency", "s"] == 64
    assert samples["event_loop_lag_seconds",] == 2
    assert samples["processes",] == 2


@pytest.mark.parametrize(
    ("stats", "is_up", "health_problems"),
    [
        ([ProcessStats(9.9, {}, {})], True, []),
        (
            [ProcessStats(11, {}, {}), ProcessStats(0, {}, {})],
            True,
            ["an event loop is blocked: it is 11 s late"],
        ),
        ([], True, ["no process runs handlers"]),
        ([ProcessStats(0, {}, {})], False, ["Redis has not answered lately"]),
    ],
)
def test_health_is_that_loops_turn_and_redis_answers(
    stats: list[ProcessStats], is_up: bool, health_problems: list[str]
) -> None:
    service = Service(*stats)
    if is_up:
        asyncio.run(service.group_poller.poll())
    assert service.sources.health_problems() == health_problems
