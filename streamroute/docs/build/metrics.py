"""The reference of the metrics: what a scrape of a router that has done everything exposes."""

from __future__ import annotations

import asyncio
from typing import Final

from prometheus_client import Metric

from streamroute.adapters.groups.stats import GroupStats
from streamroute.core.observer import Result
from streamroute.docs.build.markdown import code, page, table
from streamroute.message import Message
from streamroute.ops.metrics.collector import RouteCollector
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.metrics.group_poller import GroupPoller
from streamroute.ops.metrics.process_stats import ProcessStats
from streamroute.ops.metrics.reload_status import ReloadStatus
from streamroute.ops.metrics.sources import MetricsSources
from streamroute.values import DeadLetter

_SUMMARY: Final = (
    "Every metric that `serve --metrics HOST:PORT` and `serve --http HOST:PORT` expose at `/metrics`, "
    "with its kind, its labels and what it counts."
)
_RESULTS: Final = """\
- `streamroute_messages_total`: `succeeded`; `retried`, each time; `postponed` or `skipped` by `dedupe`; \
`parked`, because its route is paused; `dead`. A message that is dead-lettered before any route has the \
route `""`.
- `streamroute_shadow_messages_total`: `matched`, `not_matched`, `filter_error`, `transform_error`.
- `streamroute_failures_total`: `retried`, `dead`. `error_class` is the class of the exception or of its \
cause, and `(other)` from the 101st class of a route.
- `streamroute_config_reloads_total`: `applied`, `refused`, `unchanged`."""
_NOTES: Final = """\
Counters cover this `serve`, with all its workers. Gauges of a group (unread, pending, retries, dead \
letters, parked and the lease) cover the whole group, and are read from Redis every five seconds. A value \
that Redis does not know is absent, not 0: the lag before Redis 7 or after deletions, and all of them \
during an outage. An age requires entry ids that are times, as `XADD *` makes them.

The type of a message is never a label. There are seven series for each route, about twenty-five for each \
stream, and 36 for each route that has run: its two histograms. From the 1,001st route that runs, the \
routes of a stream share one pair of histograms, with the route `(other routes)`."""


def metrics_page() -> str:
    """Return ``reference/metrics.md``."""
    rows = [
        (code(_series(family)), family.type, ", ".join(_labels(family)), family.documentation)
        for family in exposed_families()
    ]
    parts = (
        table(("metric", "type", "by", "what"), rows),
        "## Values of `result`",
        _RESULTS,
        "## What they cover",
        _NOTES,
    )
    return page("Metrics", _SUMMARY, *parts)


def exposed_families() -> list[Metric]:
    """Return the families of a scrape, each with a sample: of a route, a shadow and a failure."""
    return asyncio.run(_collect())


async def _collect() -> list[Metric]:
    counters = Counters({"s": ("a",)})
    counters.observe(Message({}, stream="s"), "shade", Result.SHADOW_MATCHED)
    recorder = counters.recorded.recorder("s")
    recorder.failed(DeadLetter("a", "", error_class="KeyError"))
    recorder.timing("a").start().succeeded(Message({}, id="1-0", stream="s"))
    stats = ProcessStats(stopped_canaries={"s": {"a": 0}}, running_routes={"s": {"a": 1}})
    poller = GroupPoller(lambda: {"s": _group})
    await poller.poll()
    sources = MetricsSources(lambda: counters, lambda: [stats], poller, ReloadStatus("abc"))
    return list(RouteCollector(sources, lambda: {"s": ("a",)}).collect())


async def _group() -> GroupStats:
    return GroupStats(1, 1, 1, 1, 1.0, 1.0, parked=1, paused=(("r", "manual"),))


def _series(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels(family: Metric) -> list[str]:
    return [label for label in family.samples[0].labels if label != "le"]
