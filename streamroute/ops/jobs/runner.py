"""Runs a paced job to its end, step by step.

The job is stored with each step, so that another process can resume it wherever this one ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from streamroute.adapters.jobs.held_job import JobLostError, JobStopError
from streamroute.adapters.jobs.job import Job, JobState
from streamroute.errors import RedisUnavailableError, StreamrouteError
from streamroute.ops.jobs.token_bucket import TokenBucket
from streamroute.text.limits import HISTORY
from streamroute.text.safe_text import redacted_str

if TYPE_CHECKING:
    from streamroute.adapters.jobs.held_job import HeldJob

T = TypeVar("T")

_STEP: Final = 100  # items in one step, at most
_RENEW: Final = 3.0  # seconds without a step after which the lock of the job is renewed
_IDLE: Final = (0.02, 1.0)  # seconds to wait if nothing can be done now, at first and at most
_PATIENCE: Final = 300.0  # seconds for which a job waits for Redis
_BACKOFF: Final = (0.2, 5.0)  # seconds between two tries, at first and at most
_RELEASE: Final = 5.0  # seconds to store the end of a job that is interrupted


@dataclass(frozen=True, slots=True)
class JobStep:
    """What a step did: the job as it is stored now, and the number of items that count for the rate.

    ``is_idle``: nothing could be done now, so that the next step waits. ``is_last``: nothing is left.
    ``stop`` is why the job must stop; empty if it goes on.
    """

    job: Job
    items: int = 0
    is_idle: bool = False
    is_last: bool = False
    stop: str = ""


class PacedWork(Protocol):
    """The work of a job."""

    async def step(self, held: HeldJob, job: Job, most: int) -> JobStep:
        """Do at most ``most`` items, and store the job by ``held.write``.

        It is called again with the same job if it raises RedisUnavailableError, so it must be idempotent.
        """
        ...


Progress = Callable[[Job, str], None]
"""Is called after each step with the job, and with what it waits for (empty: nothing)."""


async def run_job(
    held: HeldJob,
    job: Job,
    work: PacedWork,
    progress: Progress,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Job:
    """Run a job until it is done, or must stop; returns the job as it ended.

    A step during an outage of Redis is repeated for five minutes. A cancellation is stored as the end, then
    raised. Raises JobLostError if another process has taken over the job, and RedisUnavailableError: the job
    can be resumed.
    """
    run = _Run(held, replace(job, state=JobState.RUNNING, reason=""), work, progress, clock)
    try:
        reason = await run.to_the_end()
    except JobLostError:
        raise
    except JobStopError as error:
        return await run.end(JobState.STOPPED, str(error))
    except asyncio.CancelledError:
        await run.end_interrupted()
        raise
    except RedisUnavailableError:
        raise
    except StreamrouteError as error:
        await run.end(JobState.STOPPED, redacted_str(error, HISTORY))
        raise
    return await run.end(JobState.STOPPED if reason else JobState.DONE, reason)


class _Run:
    """One run of a job; ``job`` is the last that was stored."""

    def __init__(
        self, held: HeldJob, job: Job, work: PacedWork, progress: Progress, clock: Callable[[], float]
    ) -> None:
        self.job = job
        self._held = held
        self._work = work
        self._progress = progress
        self._clock = clock
        self._bucket = TokenBucket(job.rate, clock)
        self._renewed = clock()
        self._idle = _IDLE[0]

    async def to_the_end(self) -> str:
        """Do all steps; returns why the job must stop, or an empty string if it is done."""
        self.job = (await self._persist(partial(self._held.write, self.job))).job
        while True:
            most = self._bucket.available(_STEP)
            if most < 1:
                await self._pause(self._bucket.wait, "")
                continue
            step = await self._persist(partial(self._work.step, self._held, self.job, most))
            self.job, self._renewed = step.job, self._clock()
            self._bucket.take(step.items)
            if step.stop or step.is_last:
                self._progress(self.job, "")
                return step.stop
            if step.is_idle:
                await self._pause(self._idle, "waits for messages that are being processed")
                self._idle = min(2 * self._idle, _IDLE[1])
            else:
                self._idle = _IDLE[0]
                self._progress(self.job, "")
                await asyncio.sleep(0)

    async def end(self, state: JobState, reason: str) -> Job:
        """Store the end of the job, and give it up."""
        ended = replace(self.job, state=state, reason=reason)
        await self._persist(partial(self._held.release, ended))
        return ended

    async def end_interrupted(self) -> None:
        """Store that the job was interrupted, if that takes no longer than a few seconds."""
        ended = replace(self.job, state=JobState.STOPPED, reason="interrupted")
        releasing = asyncio.ensure_future(self._held.release(ended))
        await asyncio.wait([releasing], timeout=_RELEASE)
        if releasing.done() and not releasing.cancelled():
            releasing.exception()  # the job is then found as one whose process is gone
        else:
            releasing.cancel()

    async def _pause(self, seconds: float, note: str) -> None:
        self._progress(self.job, note)
        await asyncio.sleep(min(max(seconds, 0.01), _RENEW))
        if self._clock() - self._renewed >= _RENEW:
            self.job = (await self._persist(partial(self._held.write, self.job))).job
            self._renewed = self._clock()

    async def _persist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await a call, and repeat it while Redis is unavailable."""
        delay, longest = _BACKOFF
        until = self._clock() + _PATIENCE
        while True:
            try:
                return await call()
            except RedisUnavailableError as error:
                if self._clock() >= until:
                    raise
                self._progress(self.job, f"waits for Redis: {redacted_str(error, HISTORY)}")
            await asyncio.sleep(delay)
            delay = min(2 * delay, longest)
