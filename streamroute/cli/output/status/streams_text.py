"""The status of streams as text of 80 columns: a headline, the workers and the active routes of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from streamroute.cli.output.status.numbers import NOTHING, age, count, duration, rate
from streamroute.cli.output.streams import printable
from streamroute.cli.output.table import table
from streamroute.text.counted import pluralize
from streamroute.text.truncation import ellipsize, ellipsize_middle

if TYPE_CHECKING:
    from streamroute.ops.status.route_status import RouteStatus
    from streamroute.ops.status.stream_status import Status, StreamStatus
    from streamroute.ops.status.worker_status import WorkerStatus

_MAX_WORKERS: Final = 10  # of each stream; JSON has all
_MAX_RUNNING: Final = 3  # entries of each worker
_MAX_ROUTES: Final = 10  # of each stream
_MAX_PROBLEMS: Final = 5
_MAX_PAUSED: Final = 5
_LINE: Final = 78  # characters of a line, without its indent
_ROUTE: Final = 32  # characters of its name
_WORKER: Final = 20
_INDENT: Final = "  "


def status_text(status: Status) -> str:
    """Return the status as text without a final newline."""
    return "\n\n".join("\n".join(_stream(stream)) for stream in status.streams)


def _stream(stream: StreamStatus) -> Iterator[str]:
    yield f"{printable(stream.stream)} (group {printable(stream.group)})"
    yield from _indented(_facts(stream))
    yield from _indented(_problems(stream))
    if stream.workers:
        yield ""
        yield from _indented(_workers(stream))
    if stream.routes:
        yield ""
        yield from _indented(_routes(stream))


def _indented(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield f"{_INDENT}{line}" if line else ""


def _facts(stream: StreamStatus) -> Iterator[str]:
    pending = count(stream.pending)
    if stream.oldest is not None:
        pending += f", oldest {age(stream.oldest.age)}"
    yield f"lag {count(stream.lag)}   pending {pending}   length {count(stream.length)}"
    retries = count(stream.scheduled)
    if stream.next_retry is not None:
        retries += f", next in {age(max(0, stream.next_retry - stream.time) / 1000)}"
    if stream.due:
        retries += f", {count(stream.due)} due now"
    dead = count(stream.dead)
    if stream.newest_dead is not None:
        dead += f", newest {age(stream.newest_dead.age)} ago"
    parked = f"   parked {count(stream.parked)}" if stream.parked else ""
    yield f"retries {retries}   dead letters {dead}{parked}"
    yield from _paused(stream)


def _paused(stream: StreamStatus) -> Iterator[str]:
    for paused in stream.paused[:_MAX_PAUSED]:
        what = f"route {ellipsize(printable(paused.route), _ROUTE)}" if paused.route else "the whole stream"
        by = "its circuit" if paused.kind == "circuit" else printable(paused.who)
        since = age(max(0, stream.time - paused.since) / 1000)
        reason = f": {printable(paused.reason)}" if paused.reason else ""
        yield ellipsize(f"paused {what} for {since}, by {by}{reason}", _LINE)
    if len(stream.paused) > _MAX_PAUSED:
        yield f"and {pluralize(len(stream.paused) - _MAX_PAUSED, 'more paused route')}"


def _problems(stream: StreamStatus) -> Iterator[str]:
    if not stream.exists and stream.length is not None:
        yield f"! the group {printable(stream.group)} does not exist: no worker has consumed this stream"
    elif not any(worker.alive for worker in stream.workers):
        yield "! no worker is alive"
    for problem in stream.problems[:_MAX_PROBLEMS]:
        yield f"! {printable(problem)}"
    if len(stream.problems) > _MAX_PROBLEMS:
        yield f"! and {pluralize(len(stream.problems) - _MAX_PROBLEMS, 'more problem')}"


def _workers(stream: StreamStatus) -> Iterator[str]:
    shown = stream.workers[:_MAX_WORKERS]
    head = ("worker", "config", "runs", "holds", "pending", "state")
    rows = [_worker_row(worker, stream.time) for worker in shown]
    lines = table(head, rows, right=range(2, 5)).split("\n")
    yield lines[0]
    for worker, line in zip(shown, lines[1:], strict=True):
        yield line
        yield from _indented(_running(worker))
    if len(stream.workers) > len(shown):
        yield f"and {pluralize(len(stream.workers) - len(shown), 'more worker')}"


def _worker_row(worker: WorkerStatus, now: int) -> tuple[str, str, str, str, str, str]:
    name = f"{worker.host} {worker.pid}" if worker.host else worker.consumer
    knows = worker.snapshot_age is not None
    return (
        ellipsize_middle(printable(name), _WORKER, 6, 11),
        printable(worker.generation) or NOTHING,
        f"{worker.running_count}/{worker.concurrency}" if knows else NOTHING,
        count(worker.held) if knows else NOTHING,
        count(worker.pending),
        _state(worker, now),
    )


def _state(worker: WorkerStatus, now: int) -> str:
    if not worker.alive:
        return "gone"
    if worker.is_silent:
        return f"silent for {age(worker.snapshot_age)}"
    if worker.blocked:
        return f"blocked for {duration(worker.blocked)}"
    return f"up {age(max(0, now - worker.started) / 1000)}" if worker.started else "alive"


def _running(worker: WorkerStatus) -> Iterator[str]:
    for entry in worker.running[:_MAX_RUNNING]:
        attempt = f", attempt {entry.attempt}" if entry.attempt > 1 else ""
        route = ellipsize(printable(entry.route or "(no route yet)"), _ROUTE)
        yield f"{printable(entry.message_id)} in {route} for {duration(entry.seconds)}{attempt}"
    more = worker.running_count - len(worker.running[:_MAX_RUNNING])
    if worker.running and more > 0:
        yield f"and {count(more)} more"
    if worker.oldest is not None:
        oldest = printable(worker.oldest.id)
        yield f"others take its entries; the oldest, {oldest}, is {age(worker.oldest.age)} old"


def _routes(stream: StreamStatus) -> Iterator[str]:
    shown = stream.routes[:_MAX_ROUTES]
    yield from table(ROUTE_HEAD, [route_row(route) for route in shown], right=range(1, 6)).split("\n")
    more = len(stream.routes) - len(shown) + stream.routes_left_out
    if more:
        yield f"and {pluralize(more, 'more active route')}"


ROUTE_HEAD: Final = ("route", "per s", "failed/s", "p50", "p99", "running")


def route_row(route: RouteStatus) -> tuple[str, str, str, str, str, str]:
    """Return the cells of a route, in the order of ``ROUTE_HEAD``."""
    return (
        ellipsize(printable(route.route), _ROUTE),
        rate(route.rate),
        rate(route.failure_rate),
        duration(route.p50),
        duration(route.p99),
        count(route.running),
    )
