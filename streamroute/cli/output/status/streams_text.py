"""The status of streams as text: a headline, the workers and the active routes of each."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from streamroute.cli.output.layout import PLAIN, OutputLayout
from streamroute.cli.output.status.numbers import age, count, duration, rate, running_time
from streamroute.cli.output.streams import printable
from streamroute.cli.output.table import fitted_table
from streamroute.cli.output.tables.column import NOTHING, Column, Fit
from streamroute.cli.output.tables.wrapping import hang
from streamroute.text.counted import pluralize
from streamroute.text.limits import NAME
from streamroute.text.truncation import ellipsize

if TYPE_CHECKING:
    from streamroute.ops.status.route_status import RouteStatus
    from streamroute.ops.status.stream_status import Status, StreamStatus
    from streamroute.ops.status.worker_status import WorkerStatus

_MAX_WORKERS: Final = 10  # of each stream; JSON has all
_MAX_RUNNING: Final = 3  # entries of each worker
_MAX_SHOWN_ROUTES: Final = 10  # of each stream
_MAX_PROBLEMS: Final = 5
_MAX_PAUSED: Final = 5
_INDENT: Final = "  "
_WORKER_COLUMNS: Final = (
    Column("worker", Fit.NAME),
    Column("config", Fit.NAME, rank=3),
    Column("runs", right=True),
    Column("holds", rank=2, right=True),
    Column("pending", rank=1, right=True),
    Column("state"),
)
ROUTE_COLUMNS: Final = (
    Column("route", Fit.NAME),
    Column("per s", right=True),
    Column("failed/s", right=True),
    Column("p50", rank=2, right=True),
    Column("p99", rank=1, right=True),
    Column("running", rank=3, right=True),
)


def status_text(status: Status, layout: OutputLayout = PLAIN) -> str:
    """Return the status as text without a final newline."""
    return "\n\n".join("\n".join(_stream(stream, layout)) for stream in status.streams)


def _stream(stream: StreamStatus, layout: OutputLayout) -> Iterator[str]:
    inner = layout.indented(len(_INDENT))
    yield hang(f"{printable(stream.stream)} (group {printable(stream.group)})", layout.width, 2)
    yield from _indented(hang(line, inner.width, 4) for line in (*_facts(stream), *_problems(stream)))
    if stream.workers:
        yield ""
        yield from _indented(_workers(stream, inner))
    if stream.routes:
        yield ""
        yield from _indented(_routes(stream, inner))


def _indented(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield textwrap.indent(line, _INDENT)


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
        what = f"route {_clipped(paused.route)}" if paused.route else "the whole stream"
        by = "its circuit" if paused.kind == "circuit" else _clipped(paused.who)
        since = age(max(0, stream.time - paused.since) / 1000)
        reason = f": {_clipped(paused.reason)}" if paused.reason else ""
        yield f"paused {what} for {since}, by {by}{reason}"
    if len(stream.paused) > _MAX_PAUSED:
        yield f"and {pluralize(len(stream.paused) - _MAX_PAUSED, 'more paused route')}"


def _clipped(text: str) -> str:
    return printable(ellipsize(text, NAME))


def _problems(stream: StreamStatus) -> Iterator[str]:
    if not stream.exists and stream.length is not None:
        yield f"! the group {printable(stream.group)} does not exist: no worker has consumed this stream"
    elif not any(worker.alive for worker in stream.workers):
        yield "! no worker is alive"
    for problem in stream.problems[:_MAX_PROBLEMS]:
        yield f"! {printable(problem)}"
    if len(stream.problems) > _MAX_PROBLEMS:
        yield f"! and {pluralize(len(stream.problems) - _MAX_PROBLEMS, 'more problem')}"


def _workers(stream: StreamStatus, layout: OutputLayout) -> Iterator[str]:
    shown = stream.workers[:_MAX_WORKERS]
    workers = fitted_table(_WORKER_COLUMNS, [_worker_row(worker, stream.time) for worker in shown], layout)
    inner = layout.indented(len(_INDENT))
    yield workers.head
    for worker, lines in zip(shown, workers.rows, strict=True):
        yield from lines
        yield from _indented(hang(line, inner.width, 4) for line in _running(worker))
    yield from workers.notes
    if len(stream.workers) > len(shown):
        yield f"and {pluralize(len(stream.workers) - len(shown), 'more worker')}"


def _worker_row(worker: WorkerStatus, now: int) -> tuple[str, str, str, str, str, str]:
    knows = worker.snapshot_age is not None
    return (
        f"{worker.host} {worker.pid}" if worker.host else worker.consumer,
        worker.generation or NOTHING,
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
        route = _clipped(entry.route or "(no route yet)")
        yield f"{_clipped(entry.message_id)} in {route} for {running_time(entry.seconds)}{attempt}"
    more = worker.running_count - len(worker.running[:_MAX_RUNNING])
    if worker.running and more > 0:
        yield f"and {count(more)} more"
    if worker.oldest is not None:
        oldest = _clipped(worker.oldest.id)
        yield f"others take its entries; the oldest, {oldest}, is {age(worker.oldest.age)} old"


def _routes(stream: StreamStatus, layout: OutputLayout) -> Iterator[str]:
    shown = stream.routes[:_MAX_SHOWN_ROUTES]
    routes = fitted_table(ROUTE_COLUMNS, [(route.route, *route_numbers(route)) for route in shown], layout)
    yield from routes.text.split("\n")
    more = len(stream.routes) - len(shown) + stream.routes_left_out
    if more:
        yield f"and {pluralize(more, 'more active route')}"


def route_numbers(route: RouteStatus) -> tuple[str, str, str, str, str]:
    """Return the numbers of a route, in the order of ``ROUTE_COLUMNS``."""
    return (
        rate(route.rate),
        rate(route.failure_rate),
        duration(route.p50),
        duration(route.p99),
        count(route.running),
    )
