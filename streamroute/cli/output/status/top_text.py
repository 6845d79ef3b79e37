"""The screen of ``top``: a line of sums, and the highest routes, within the size of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from streamroute.cli.output.status.numbers import count, duration, rate
from streamroute.cli.output.streams import printable
from streamroute.cli.output.table import table
from streamroute.text.counted import pluralize
from streamroute.text.truncation import ellipsize

if TYPE_CHECKING:
    from streamroute.ops.status.ranking import RankedRoute
    from streamroute.ops.status.stream_status import Status

_HEAD: Final = ("route", "stream", "per s", "failed/s", "p50", "p99", "runs")
_NUMBERS: Final = 46  # columns of all numbers at their usual widths, with the spaces before them
_MIN_NAME: Final = 12
_STREAM_SHARE: Final = 3  # the stream has a third of what is left for names


def sums(status: Status) -> str:
    """Return what all streams together have: one line."""
    facts = {
        "lag": [stream.lag for stream in status.streams],
        "pending": [stream.pending for stream in status.streams],
        "retries": [stream.scheduled for stream in status.streams],
        "dead letters": [stream.dead for stream in status.streams],
    }
    workers = sum(worker.alive for stream in status.streams for worker in stream.workers)
    parts = [f"{name} {count(_sum(numbers))}" for name, numbers in facts.items()]
    return "   ".join([*parts, f"consumers {count(workers)}"])


def route_lines(routes: Sequence[RankedRoute], width: int, limit: int | None = None) -> list[str]:
    """Return a table of routes, at most ``width`` columns wide, and how many it leaves out."""
    shown = routes if limit is None else routes[: max(0, limit)]
    if not routes:
        return ["no route was active in the last minute"]
    names = max(2 * _MIN_NAME, width - _NUMBERS)
    stream_width = max(_MIN_NAME, names // _STREAM_SHARE)
    rows = [_row(one, names - stream_width, stream_width) for one in shown]
    lines = [line[:width] for line in table(_HEAD, rows, right=range(2, 7)).split("\n")]
    more = len(routes) - len(shown)
    return [*lines, f"and {pluralize(more, 'more route')}"] if more else lines


def _row(one: RankedRoute, route_width: int, stream_width: int) -> tuple[str, ...]:
    status = one.status
    return (
        ellipsize(printable(status.route), route_width),
        ellipsize(printable(one.stream), stream_width),
        rate(status.rate),
        rate(status.failure_rate),
        duration(status.p50),
        duration(status.p99),
        count(status.running),
    )


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
