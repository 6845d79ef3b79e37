"""The work of a paced retry: requeues dead letters, a few at a time."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

from streamroute.adapters.dead_letters.letters import DeadLetters
from streamroute.adapters.retries.retry_progress import RetryProgress
from streamroute.ops.dead_letters.actions import ActionResult, retry_page
from streamroute.ops.dead_letters.query import DeadLetterPage, DeadLetterQuery
from streamroute.ops.jobs.runner import JobStep
from streamroute.ops.jobs.waiting_window import WaitingWindow
from streamroute.ops.paced_retry.failure_watch import FailureWatch
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.adapters.jobs.held_job import HeldJob
    from streamroute.adapters.jobs.job import Job
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document
    from streamroute.keys import GroupKeys
    from streamroute.ops.dead_letters.letter import StreamLetter
    from streamroute.ops.paced_retry.selection import LetterSelection


class PacedRetry:
    """Retries the letters of a selection.

    The script of each letter writes its retry and deletes it, so that a letter is retried once, wherever a
    process ends; only the counts may then lack the letters of one step. ``refused`` counts the letters that
    this process kept, by reason.
    """

    def __init__(
        self, redis: RedisConnection, document: Document, keys: GroupKeys, selection: LetterSelection
    ) -> None:
        self._query = DeadLetterQuery(redis, document)
        self._letters = DeadLetters(redis, keys.dead)
        self._selection = selection
        self._stream = keys.stream
        self._window = WaitingWindow()
        self._watch = FailureWatch(self._letters, RetryProgress(redis, keys))
        self._pages: AsyncIterator[DeadLetterPage] | None = None
        self._ready: deque[StreamLetter] = deque()
        self._has_all = False
        self.refused: Counter[str] = Counter()
        self._failed_before: int | None = None

    async def step(self, held: HeldJob, job: Job, most: int) -> JobStep:
        """See ``PacedWork``."""
        if self._pages is None:
            job = await self._begin(job)
        failed = await self._watch.look()
        if failed.messages >= (self._selection.stop_after or failed.messages + 1):
            return JobStep((await held.write(self._counted(job))).job, stop=self._failed_again())
        if not self._ready and not self._has_all:
            await self._read_page()
        if self._ready:
            return await self._retry(held, job, most)
        if not self._has_all:
            return JobStep((await held.write(self._counted(job))).job)
        return await self._finish(held, job)

    async def _begin(self, job: Job) -> Job:
        """Begin to read, and count again what an earlier process left where it was."""
        now = await self._letters.now()
        await self._watch.start()
        self._pages = self._query.find(self._selection.at(max(0, now - job.created) / 1000))
        if self._failed_before is None:
            self._failed_before = job.count("failed_again")
        return replace(job, counts={**job.counts, "looked_at": job.count("retried"), "refused": 0})

    async def _read_page(self) -> None:
        assert self._pages is not None  # noqa: S101 - `_begin` has set it
        try:
            page = await anext(self._pages, None)
        except BaseException:
            self._pages = None  # it has ended, although there are more: begin again
            raise
        if page is None:
            self._has_all = True
            return
        self._ready.extend(letter for letter in page.letters if letter.stream == self._stream)

    async def _retry(self, held: HeldJob, job: Job, most: int) -> JobStep:
        reply = await held.write(self._counted(job))
        self._window.note(reply.time, reply.waiting, 0)
        if reply.waiting >= self._window.size:
            return JobStep(reply.job, is_idle=True)
        taken = [self._ready[at] for at in range(min(most, self._window.room, len(self._ready)))]
        self._watch.track([(letter, self._route_of(letter)) for letter in taken])
        result = ActionResult()
        await retry_page(self._query, DeadLetterPage(taken, len(taken)), result, to=self._selection.to)
        for _ in taken:
            self._ready.popleft()
        refused = result.refused.total()
        self.refused += result.refused
        counts = reply.job.adding(looked_at=len(taken), retried=result.done, refused=refused)
        reply = await held.write(replace(reply.job, counts=counts))
        self._window.note(reply.time, reply.waiting, result.done)
        return JobStep(reply.job, result.done)

    async def _finish(self, held: HeldJob, job: Job) -> JobStep:
        """End, or wait for the retried messages."""
        if not self._selection.watch:
            return JobStep((await held.write(self._counted(job))).job, is_last=True)
        await self._watch.note_last_retry()
        has_ended = await self._watch.has_ended()
        failed = await self._watch.look(now=has_ended)
        counted = self._counted(job)
        if has_ended:
            succeeded = max(0, job.count("retried") - (self._failed_before or 0) - failed.dead)
            counted = replace(counted, counts={**counted.counts, "succeeded": succeeded})
        return JobStep((await held.write(counted)).job, is_idle=not has_ended, is_last=has_ended)

    def _route_of(self, letter: StreamLetter) -> str | None:
        if self._selection.to is not None:
            return self._selection.to
        return None if letter.current is None else letter.current.route

    def _counted(self, job: Job) -> Job:
        failed = (self._failed_before or 0) + self._watch.seen.messages
        return replace(job, counts={**job.counts, "failed_again": failed})

    def _failed_again(self) -> str:
        """Return how many failed again; of those that are dead letters again, whether in the same way."""
        seen = self._watch.seen
        text = f"{seen.messages} of the retried messages failed again"
        if not seen.dead:
            return text
        same = {0: "in another way", seen.dead: "in the same way"}.get(
            seen.same, f"{seen.same} in the same way"
        )
        return f"{text} ({pluralize(seen.dead, 'dead letter')} again, {same})"
