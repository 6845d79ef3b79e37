"""The metrics of the configuration: which generation runs, and how its reloads went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from streamroute.ops.metrics.reload_status import RESULTS

if TYPE_CHECKING:
    from streamroute.ops.metrics.process_stats import ProcessStats
    from streamroute.ops.metrics.reload_status import ReloadStatus

_PREFIX: Final = "streamroute_config_"


def config_metrics(status: ReloadStatus) -> Iterator[Metric]:
    """Yield the metrics of a configuration that may be reloaded."""
    info = GaugeMetricFamily(_PREFIX + "info", "1, and the generation that runs.", labels=["generation"])
    info.add_metric([status.generation], 1)
    yield info
    yield GaugeMetricFamily(
        _PREFIX + "last_reload_successful",
        "Whether the configuration that was read last is the one that runs.",
        value=int(status.is_last_successful),
    )
    yield GaugeMetricFamily(
        _PREFIX + "last_reload_success_timestamp_seconds",
        "When a configuration was last read that runs, in seconds since the epoch.",
        value=status.last_success,
    )
    reloads = CounterMetricFamily(_PREFIX + "reloads", "Reloads, by result.", labels=["result"])
    for result in RESULTS:
        reloads.add_metric([result], status.counts[result])
    yield reloads


def generation_metrics(processes: Sequence[ProcessStats]) -> Iterator[Metric]:
    """Yield which generations the processes run: another one than the rest while a worker missed a reload."""
    running = GaugeMetricFamily(
        _PREFIX + "processes", "Processes that decode messages by the generation.", labels=["generation"]
    )
    for generation, count in sorted(Counter(stats.generation for stats in processes).items()):
        running.add_metric([generation], count)
    yield running
    old = [stats.old_generations for stats in processes]
    yield GaugeMetricFamily(
        _PREFIX + "old_generations",
        "Replaced generations that still have messages in flight, in the process that has the most.",
        value=max(map(len, old), default=0),
    )
    yield GaugeMetricFamily(
        _PREFIX + "old_generation_messages",
        "Messages in flight that were decoded by replaced generations.",
        value=sum(sum(counts.values()) for counts in old),
    )
