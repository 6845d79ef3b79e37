"""Follows how messages end, as their workers report it; each outcome is shown with its message."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from streamroute.adapters.groups.entry_lookup import read_entries
from streamroute.adapters.live.outcome_batch import OutcomeBatch, OutcomeRecord
from streamroute.adapters.live.outcome_watch import REFRESH, OutcomeStep, OutcomeWatch
from streamroute.core.observer import Result
from streamroute.errors import RedisUnavailableError
from streamroute.keys import GroupKeys
from streamroute.ops.tail.records import MessageView, OutcomeView, TailItem, TailNotice, TailRecord
from streamroute.outages import Backoff
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document
    from streamroute.ops.tail.query import TailQuery
    from streamroute.ops.tail.viewer import Viewer

_POLL: Final = 0.1  # seconds between two steps
_PATIENCE: Final = 6.0  # seconds within which each worker says that it samples
_BACKOFF: Final = Backoff(first=0.2, longest=2.0)
_NAMES: Final = {str(Result.UNKNOWN): "unlisted"}
"""Results as people call them: here, that no route lists the type."""
_GONE: Final = "it is no longer in the stream"


async def tail_outcomes(
    redis: RedisConnection, document: Document, query: TailQuery, viewer: Viewer
) -> AsyncGenerator[TailItem, None]:
    """Yield the outcomes that a query selects; never ends by itself.

    ``viewer`` views the messages by their type and payload. Raises RedisUnavailableError or SetupError at the
    start. Later, an outage of Redis is a notice.
    """
    groups = {name: GroupKeys.of(name, document.streams[name].group) for name in query.streams}
    follower = _Follower(OutcomeWatch(redis, groups))
    await follower.watch.start()
    while True:
        try:
            step = await follower.next_step()
            records = [record async for record in _records(redis, step, query, viewer)]
            silent = await follower.silent_workers()
        except RedisUnavailableError as error:
            if follower.fails():
                yield TailNotice(f"{error}; trying again")
            await asyncio.sleep(_BACKOFF.wait(follower.failures))
            continue
        for sentence in [*follower.notices(step), *silent]:
            yield TailNotice(sentence)
        for record in records:
            yield record
        await asyncio.sleep(_POLL)


class _Follower:
    """The state of a watch: who has answered, what was left out, and whether Redis is away."""

    def __init__(self, watch: OutcomeWatch) -> None:
        self.watch = watch
        self.failures = 0
        self._news: list[str] = []
        self._started = time.monotonic()
        self._next_refresh = 0.0
        self._next_count = 0.0
        self._heard: dict[str, set[str]] = {}
        self._dropped: Counter[str] = Counter()
        self._has_checked = False

    def fails(self) -> bool:
        """Note that Redis is away; return whether that is new."""
        self.failures += 1
        return self.failures == 1

    async def next_step(self) -> OutcomeStep:
        """Keep the workers sampling, and read on."""
        if time.monotonic() >= self._next_refresh:
            await self.watch.refresh()
            self._next_refresh = time.monotonic() + REFRESH
        step = await self.watch.step()
        if self.failures:
            self._news.append("Redis answers again")
        self.failures = 0
        for stream, batch in step.batches:
            if stream not in self._heard:
                self._heard[stream] = set()
                self._news.append(f"workers of {stream} send outcomes now")
            self._heard[stream].add(batch.worker)
            self._dropped[stream] += batch.dropped
        return step

    def notices(self, step: OutcomeStep) -> list[str]:
        """Return what a step says beside its outcomes; what was left out is counted every few seconds."""
        notices, self._news = self._news, []
        if step.damaged:
            notices.append(f"{pluralize(step.damaged, 'damaged record')} of outcomes cannot be read")
        notices += [f"more outcomes of {stream} are sent than can be shown" for stream in step.overtaken]
        now = time.monotonic()
        if now >= self._next_count:
            self._next_count = now + REFRESH
            dropped, self._dropped = +self._dropped, Counter()
            notices += [
                f"{pluralize(count, 'outcome')} of {stream} not shown: workers send samples of a busy stream"
                for stream, count in dropped.items()
            ]
        return notices

    async def silent_workers(self) -> list[str]:
        """Return, once, which workers have not said that they sample."""
        if self._has_checked or time.monotonic() - self._started < _PATIENCE:
            return []
        self._has_checked = True
        return [
            _silence(stream, workers, self._heard.get(stream, set()))
            for stream, workers in (await self.watch.workers()).items()
            if not workers or workers - self._heard.get(stream, set())
        ]


def _silence(stream: str, workers: frozenset[str], heard: set[str]) -> str:
    if not workers:
        return f"no worker consumes {stream} now"
    silent = len(workers - heard)
    of_all = f"{silent} of {pluralize(len(workers), 'worker')}"
    return (
        f"{of_all} of {stream} send no outcomes: their release is earlier, or Redis refuses it (see the log)"
    )


async def _records(
    redis: RedisConnection, step: OutcomeStep, query: TailQuery, viewer: Viewer
) -> AsyncGenerator[TailRecord, None]:
    for stream, batch in step.batches:
        wanted = [outcome for outcome in batch.outcomes if _is_wanted(outcome, query)]
        messages = await _messages(redis, stream, wanted, query, viewer) if wanted else {}
        for outcome in wanted:
            message = messages.get(outcome.id)
            if message is not None:
                yield TailRecord(_at_route(message, outcome), _view(outcome, batch))


def _is_wanted(outcome: OutcomeRecord, query: TailQuery) -> bool:
    return (
        outcome.result in query.outcomes
        and (not query.routes or outcome.route in query.routes)
        and (not query.types or outcome.kind in query.types)
    )


async def _messages(
    redis: RedisConnection,
    stream: str,
    outcomes: Sequence[OutcomeRecord],
    query: TailQuery,
    viewer: Viewer,
) -> Mapping[str, MessageView]:
    """Return the messages of outcomes by id, without those that the query excludes."""
    kinds = {outcome.id: outcome.kind for outcome in outcomes}
    entries = await read_entries(redis, stream, _valid(kinds))
    views = {}
    for entry_id, kind in kinds.items():
        parts = entries.get(entry_id)
        if parts:
            view = viewer.view(stream, entry_id, parts)
        else:
            gone = MessageView(stream=stream, id=entry_id, kind=kind, problem=_GONE)
            view = gone if query.where is None else None
        if view is not None:
            views[entry_id] = view
    return views


def _valid(ids: Iterable[str]) -> list[str]:
    """Return the ids that are those of an entry: a retry of an external scheduler has another one."""
    return [entry_id for entry_id in ids if entry_id.replace("-", "", 1).isdecimal()]


def _at_route(message: MessageView, outcome: OutcomeRecord) -> MessageView:
    return replace(message, routes=tuple(route for route in message.routes if route.name == outcome.route))


def _view(outcome: OutcomeRecord, batch: OutcomeBatch) -> OutcomeView:
    return OutcomeView(
        route=outcome.route,
        result=_NAMES.get(outcome.result, outcome.result),
        time=outcome.time,
        attempt=outcome.attempt,
        error_class=outcome.error_class,
        error=outcome.error,
        worker=batch.worker,
        generation=outcome.generation,
    )
