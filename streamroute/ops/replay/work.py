"""The work of a replay: puts old entries into the group's retry stream, marked with the replay's id."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from streamroute.adapters.entries.entry_ids import parse_id
from streamroute.adapters.entries.field_lists import fields_from_reply
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.adapters.groups.stored_entries import StoredEntries
from streamroute.adapters.redis.replies import text
from streamroute.ops.jobs.runner import JobStep
from streamroute.ops.jobs.waiting_window import WaitingWindow
from streamroute.ops.replay.entry_choice import EntryVerdict, counted

if TYPE_CHECKING:
    from streamroute.adapters.jobs.held_job import HeldJob
    from streamroute.adapters.jobs.job import Job
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.adapters.redis.replies import Row
    from streamroute.ops.replay.entry_choice import EntryChoice
    from streamroute.ops.replay.selection import ReplaySelection

_STEP_BYTES: Final = 8 * 1024 * 1024  # queued in one step, unless a single entry is larger
_BREATH: Final = 25  # entries decided at once, before others of the event loop run


@dataclass(frozen=True, slots=True)
class _Decided:
    id: str
    verdict: EntryVerdict
    record: RetryRecord | None
    size: int


class ReplayWork:
    """Replays a selection.

    A step reads entries after the job's cursor, and queues those that are chosen, in the same script that
    moves the cursor: so no entry is queued twice or left out, wherever a process ends.
    """

    def __init__(self, redis: RedisConnection, selection: ReplaySelection, choice: EntryChoice) -> None:
        self._entries = StoredEntries(redis, selection.stream)
        self._selection = selection
        self._choice = choice
        self._window = WaitingWindow()
        self._ready: deque[_Decided] = deque()

    async def step(self, held: HeldJob, job: Job, most: int) -> JobStep:
        """See ``PacedWork``."""
        if not self._ready:
            rows = await self._entries.page(_after(self._selection, job.cursor), self._selection.end)
            if not rows:
                return JobStep((await held.write(job)).job, is_last=True)
            async for decided in self._decided(rows, job.id):
                self._ready.append(decided)
        taken = self._next(min(most, self._window.room))
        records = [each.record for each in taken if each.record is not None]
        counts = job.adding(**counted([each.verdict for each in taken]))
        moved = replace(job, cursor=taken[-1].id, counts=counts)
        reply = await held.write(moved, records, room=self._window.size)
        self._window.note(reply.time, reply.waiting, 0 if reply.is_full else len(records))
        if reply.is_full:
            return JobStep(job, is_idle=True)
        self._drop_until(reply.job.cursor)
        return JobStep(reply.job, len(records))

    def _drop_until(self, cursor: str) -> None:
        """Drop what is queued: a step that applied before, without its reply, may have had another size."""
        while self._ready and parse_id(self._ready[0].id) <= parse_id(cursor):
            self._ready.popleft()

    def _next(self, most: int) -> list[_Decided]:
        """Return the next entries, at most ``most`` of them to be queued."""
        taken: list[_Decided] = []
        queued = size = 0
        for each in self._ready:
            if each.record is not None:
                if queued and (queued == most or size + each.size > _STEP_BYTES):
                    break
                queued, size = queued + 1, size + each.size
            taken.append(each)
        return taken

    async def _decided(self, rows: Sequence[Row], replay: str) -> AsyncIterator[_Decided]:
        for at, (raw_id, parts) in enumerate(rows):
            if at % _BREATH == 0:
                await asyncio.sleep(0)
            entry_id, fields = text(raw_id), fields_from_reply(parts)
            verdict = self._choice.of(fields)
            record = None
            if verdict.routes:
                record = RetryRecord(
                    entry_id,
                    frozenset(verdict.routes),
                    1,
                    fields,
                    accepted=self._selection.no_filter,
                    replay=replay,
                )
            yield _Decided(entry_id, verdict, record, sum(map(len, parts)))


async def count_entries(
    redis: RedisConnection, selection: ReplaySelection, choice: EntryChoice
) -> AsyncIterator[list[EntryVerdict]]:
    """Yield what a replay would do with the entries of a selection, in pages, without doing it."""
    entries, after = StoredEntries(redis, selection.stream), ""
    while rows := await entries.page(_after(selection, after), selection.end):
        verdicts = []
        for at, (_, parts) in enumerate(rows):
            if at % _BREATH == 0:
                await asyncio.sleep(0)
            verdicts.append(choice.of(fields_from_reply(parts)))
        yield verdicts
        after = text(rows[-1][0])


def _after(selection: ReplaySelection, cursor: str) -> str:
    return f"({cursor}" if cursor else selection.start
