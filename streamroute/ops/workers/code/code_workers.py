"""The workers that run one state of the code, from their start to the end of the last one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.ops.reload.candidate import ReloadRefusedError
from streamroute.ops.workers.generations.channel import WorkerChannel, WorkerRefusedError
from streamroute.ops.workers.generations.start_answer import StartAnswer
from streamroute.ops.workers.generations.target import WorkersTarget

if TYPE_CHECKING:
    from streamroute.incidents import Incidents
    from streamroute.ops.reload.candidate import Candidate
    from streamroute.ops.workers.supervisor import Supervisor

log = logging.getLogger(__name__)

_LAST_STEPS: Final = 1.0  # seconds for a worker that has ended to have answered, and the reverse
_SHOWN: Final = 3  # errors in a refusal


class StartRefusedError(ReloadRefusedError):
    """Raised when workers cannot start; ``answer`` is the one of the first that said why, if any did."""

    def __init__(self, reason: str, answer: StartAnswer) -> None:
        super().__init__(reason)
        self.answer = answer


class CodeWorkers:
    """The workers of one supervisor, which start with a candidate; create it in a running event loop.

    ``began_at`` is when, in seconds since the epoch. Until ``accept``, they are on trial: if one cannot
    start, all of them end.
    """

    def __init__(self, supervisor: Supervisor, candidate: Candidate, incidents: Incidents) -> None:
        self.supervisor = supervisor
        self.has_restarted = False
        self.began_at = time.time()
        self._target = WorkersTarget(candidate, supervisor.replace, incidents)
        self._started: dict[int, StartAnswer] = {}
        self._refusal: StartAnswer | None = None
        self._has_answered = asyncio.Event()
        supervisor.on_trial, supervisor.channel = True, self._channel
        self.running = asyncio.create_task(supervisor.run())

    async def until_started(self) -> StartAnswer:
        """Wait until all consumers of all workers have started; return what the first of them said.

        Raises StartRefusedError if one cannot start.
        """
        answered = asyncio.create_task(self._has_answered.wait())
        try:
            await asyncio.wait([answered, self.running], return_when=asyncio.FIRST_COMPLETED)
            if self._refusal is None and not self.running.done():
                return self._started[min(self._started)]
            await asyncio.wait([self.running], timeout=_LAST_STEPS)
        finally:
            answered.cancel()
        raise self._refused()

    def accept(self) -> None:
        """Keep the workers running from now on: one that ends is started again."""
        self.supervisor.on_trial = False

    async def apply(self, candidate: Candidate) -> None:
        """Have the workers run another configuration, with the code that they have; see ``ReloadTarget``."""
        await self._target.apply(candidate)

    def _refused(self) -> StartRefusedError:
        if self._refusal is None:
            return StartRefusedError(self.supervisor.failure or "the workers have ended", StartAnswer())
        parts = (self._refusal.refusal, *self._refusal.lines[:_SHOWN])
        return StartRefusedError("; ".join(part for part in parts if part), self._refusal)

    @asynccontextmanager
    async def _channel(self, number: int) -> AsyncIterator[WorkerChannel]:
        """Yield a worker's channel; a worker that is started again may have newer code than the others."""
        self.has_restarted = self.has_restarted or number in self._started
        async with self._target.channel(number) as channel:
            answer = asyncio.create_task(self._take_answer(channel))
            try:
                yield channel
                await asyncio.wait([answer], timeout=_LAST_STEPS)
            finally:
                answer.cancel()
                await asyncio.wait([answer])

    async def _take_answer(self, channel: WorkerChannel) -> None:
        try:
            answer = await channel.started()
        except WorkerRefusedError:
            return  # it has ended, and its supervisor knows how
        if not answer.refusal:
            self._started[channel.number] = answer
        elif self.supervisor.on_trial:
            self._refusal = self._refusal or answer
        else:
            line = "; ".join((answer.refusal, *answer.lines[:_SHOWN]))
            log.error("worker %d cannot start again: %s", channel.number, line, extra=NEVER_COALESCED)
        if answer.refusal or len(self._started) == self.supervisor.count:
            self._has_answered.set()
