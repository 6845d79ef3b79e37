"""The workers of a supervisor as one target of a reload: all of them replace their generation, or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from streamroute.incidents import LOG_ONLY, Incident, Incidents
from streamroute.ops.reload.candidate import ReloadInterruptedError, ReloadRefusedError
from streamroute.ops.workers.generations.channel import WorkerChannel, WorkerEndedError, WorkerRefusedError
from streamroute.system.record_format import pack_record
from streamroute.system.waiting import wait_for_event

if TYPE_CHECKING:
    from streamroute.ops.reload.candidate import Candidate

_PATIENCE: Final = 120.0  # seconds: imports may take 60, and a container 30
_START_PATIENCE: Final = 30.0  # seconds for a worker to be started, if there is none
_COMMIT_PATIENCE: Final = 10.0  # seconds; it waits for the worker's event loop alone


class WorkersTarget:
    """A ``ReloadTarget``: the workers whose channels it knows, and the candidate that they run.

    ``replace`` ends a worker that did not follow, by its number: it is started again with the current
    candidate. ``incidents`` reports it.
    """

    def __init__(
        self,
        running: Candidate,
        replace: Callable[[int], None],
        incidents: Incidents = LOG_ONLY,
        *,
        patience: float = _PATIENCE,
        start_patience: float = _START_PATIENCE,
        commit_patience: float = _COMMIT_PATIENCE,
    ) -> None:
        self.current = running
        self._replace = replace
        self._incidents = incidents
        self._patience = patience
        self._start_patience = start_patience
        self._commit_patience = commit_patience
        self._channels: set[WorkerChannel] = set()
        self._has_channels = asyncio.Event()
        self._swapping = asyncio.Lock()

    @property
    def generation(self) -> str:
        """The generation that every worker runs, or is started with."""
        return self.current.generation

    def runs(self, candidate: Candidate) -> bool:
        """See ``ReloadTarget``."""
        return candidate.generation == self.generation

    @asynccontextmanager
    async def channel(self, number: int) -> AsyncIterator[WorkerChannel]:
        """Yield the channel of a worker that is about to start with ``current``, whose files it sends.

        It is closed on exit. Waits while the workers replace their generation: a worker belongs to the one or
        to the other.
        """
        channel = WorkerChannel(number)
        try:
            async with self._swapping:
                await channel.begin(await asyncio.to_thread(pack_record, self.current.record))
                self._channels.add(channel)
                self._has_channels.set()
            yield channel
        finally:
            self._channels.discard(channel)
            if not self._channels:
                self._has_channels.clear()
            await channel.close()

    async def apply(self, candidate: Candidate) -> None:
        """See ``ReloadTarget``; every worker prepares the candidate before the first one runs it.

        Waits for a worker if none is running: all of them may just be started, for the first time or again.
        """
        await wait_for_event(self._has_channels, self._start_patience)
        async with self._swapping:
            channels = sorted(self._channels, key=lambda channel: channel.number)
            if not channels:
                raise ReloadRefusedError("no worker is running that could check it")
            try:
                await self._prepare(channels, candidate)
            except BaseException:
                await asyncio.gather(*(channel.discard() for channel in channels))
                raise
            self.current = candidate
            await asyncio.gather(*(self._commit(channel) for channel in channels))

    async def _prepare(self, channels: Iterable[WorkerChannel], candidate: Candidate) -> None:
        record = await asyncio.to_thread(pack_record, candidate.record)
        try:
            async with asyncio.timeout(self._patience):
                await _all(_prepare(channel, record, candidate.generation) for channel in channels)
        except TimeoutError:
            reason = f"a worker did not build it within {self._patience:g} s"
            raise ReloadRefusedError(reason) from None
        except WorkerEndedError as error:
            raise ReloadInterruptedError(str(error)) from error
        except WorkerRefusedError as error:
            raise ReloadRefusedError(str(error)) from error

    async def _commit(self, channel: WorkerChannel) -> None:
        """Have a worker run what it has prepared; replace it if it does not."""
        try:
            async with asyncio.timeout(self._commit_patience):
                await channel.commit()
        except (WorkerRefusedError, TimeoutError) as error:
            reason = str(error) or f"worker {channel.number} did not answer in time"
            message = "%s; it is started again, with the new generation"
            self._incidents.report(Incident.RELOAD_MISSED, "", message, reason)
            self._replace(channel.number)


async def _prepare(channel: WorkerChannel, record: bytes, generation: str) -> None:
    built = await channel.prepare(record)
    if built != generation:
        raise WorkerRefusedError(f"worker {channel.number} built the generation {built}, not {generation}")


async def _all(coroutines: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all; cancel the others when one fails, and raise its error."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
