"""A target of reloads that replaces its workers when their code has changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from streamroute.incidents import LOG_ONLY, Incidents
from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.ops.reload.candidate import STOPPING, ReloadRefusedError
from streamroute.ops.workers.code.code_workers import CodeWorkers, StartRefusedError

if TYPE_CHECKING:
    from streamroute.ops.reload.candidate import Candidate
    from streamroute.ops.reload.code.code_watch import CodeWatch
    from streamroute.ops.workers.generations.start_answer import StartAnswer
    from streamroute.ops.workers.supervisor import Supervisor

log = logging.getLogger(__name__)

_PATIENCE: Final = 120.0  # seconds: imports may take 60, a container 30, and Redis may be away
_LAST_READS: Final = 3.0  # seconds for old workers to stop reading: what comes later is for the new ones
_MAX_ENDING: Final = 3  # times that the workers were replaced, and old ones still run handlers


class CodeTarget:
    """A ``ReloadTarget``: the workers that run a candidate's configuration and code.

    They start in ``run``. ``build`` returns a new supervisor for the workers of a candidate. Modules that
    they import from elsewhere are watched by ``watch`` from then on.
    """

    def __init__(
        self,
        start: Candidate,
        build: Callable[[Candidate], Supervisor],
        watch: CodeWatch,
        incidents: Incidents = LOG_ONLY,
        *,
        patience: float = _PATIENCE,
        max_ending: int = _MAX_ENDING,
    ) -> None:
        self.start_refusal: StartRefusedError | None = None
        self._current, self._code = start, start.code
        self._build = build
        self._watch = watch
        self._incidents = incidents
        self._patience = patience
        self._max_ending = max_ending
        self._workers: CodeWorkers | None = None
        self._alive: set[CodeWorkers] = set()
        self._is_up, self._has_stopped, self._has_changed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._warnings: frozenset[str] = frozenset()

    @property
    def generation(self) -> str:
        """The generation that every worker runs, or is started with."""
        return self._current.generation

    def runs(self, candidate: Candidate) -> bool:
        """See ``ReloadTarget``."""
        return candidate.generation == self.generation and self._has_code_of(candidate)

    def describe(self, candidate: Candidate) -> str:
        """Return what a candidate changes of the code, in a few words; empty if the workers go on."""
        changed = self._changed_code(candidate)
        if candidate.code is not None and changed:
            return candidate.code.describe(changed)
        return "" if self._has_code_of(candidate) else "the workers are started again"

    async def run(self) -> int:
        """Start the workers, and run until ``stop()``; returns an exit code, see ``Supervisor``.

        If they cannot start, ``start_refusal`` is set, and the exit code is not 0.
        """
        self._workers = self._begin(self._current)
        try:
            answer = await self._workers.until_started()
            self._accept(self._workers, self._current, answer)
            self._is_up.set()
            await self._until_ended()
        except StartRefusedError as error:
            self.start_refusal = None if self._has_stopped.is_set() else error
        finally:
            await self._end()
        # A worker that is ended before it exits by itself ends with 0, even after a refusal.
        return self._workers.running.result() or int(self.start_refusal is not None)

    def stop(self) -> None:
        """Make every worker drain and exit; further calls have no effect."""
        self._has_stopped.set()
        for workers in self._alive:
            workers.supervisor.stop()

    async def stopping(self) -> None:
        """Wait until ``stop()`` is called."""
        await self._has_stopped.wait()

    def kill(self) -> None:
        """Kill all workers at once; can be called from a signal handler."""
        for workers in tuple(self._alive):
            workers.supervisor.kill()

    def allow_stop(self, seconds: float) -> None:
        """Give workers at least this many seconds to end."""
        for workers in self._alive:
            workers.supervisor.allow_stop(seconds)

    def abandon(self) -> None:
        """Give up workers that are starting: files have changed since, and another candidate follows."""
        self._has_changed.set()

    async def apply(self, candidate: Candidate) -> None:
        """See ``ReloadTarget``; workers whose code has not changed go on with the new configuration."""
        await self._is_up.wait()
        if self._workers is not None and self._has_code_of(candidate):
            await self._workers.apply(candidate)
            self._current = candidate
        else:
            await self._replace(candidate)

    def _has_code_of(self, candidate: Candidate) -> bool:
        """Whether the workers run this code, as far as is known: one that was started again may not."""
        if self._workers is not None and self._workers.has_restarted:
            return False
        return not self._changed_code(candidate)

    def _changed_code(self, candidate: Candidate) -> tuple[str, ...]:
        if candidate.code is None or self._code is None:
            return ()
        return candidate.code.changed_since(self._code)

    async def _replace(self, candidate: Candidate) -> None:
        """Start new workers beside the old ones, and then end these. Raises ReloadRefusedError."""
        self._has_changed.clear()
        await self._wait_for_room()
        self._check_stopped()
        new = self._begin(candidate)
        try:
            answer = await self._start(new)
        except BaseException as error:
            new.supervisor.stop()
            if isinstance(error, StartRefusedError):
                self._check_stopped()
                self._watch.add(error.answer.modules, new.began_at)
            raise
        old, self._workers = self._workers, new
        self._accept(new, candidate, answer)
        if old is not None:
            old.supervisor.stop()
            await asyncio.wait([old.running], timeout=_LAST_READS)

    async def _start(self, new: CodeWorkers) -> StartAnswer:
        """Wait for new workers, until files change again. Raises ReloadRefusedError."""
        started = asyncio.create_task(new.until_started())
        changed = asyncio.create_task(self._has_changed.wait())
        try:
            await asyncio.wait(
                [started, changed], timeout=self._patience, return_when=asyncio.FIRST_COMPLETED
            )
            if started.done():
                return started.result()
        finally:
            started.cancel()
            changed.cancel()
            await asyncio.gather(started, changed, return_exceptions=True)
        if self._has_changed.is_set():
            raise ReloadRefusedError("files have changed again")
        raise ReloadRefusedError(f"new workers did not start within {self._patience:g} s")

    def _check_stopped(self) -> None:
        if self._has_stopped.is_set():
            raise ReloadRefusedError(STOPPING)

    def _begin(self, candidate: Candidate) -> CodeWorkers:
        workers = CodeWorkers(self._build(candidate), candidate, self._incidents)
        self._alive.add(workers)
        workers.running.add_done_callback(lambda _: self._alive.discard(workers))
        return workers

    def _accept(self, workers: CodeWorkers, candidate: Candidate, answer: StartAnswer) -> None:
        workers.accept()
        self._current, self._code = candidate, candidate.code
        added = self._watch.add(answer.modules, workers.began_at)
        if self._code is not None:
            self._code = self._code.with_modules(added)
        for line in answer.lines:
            if line not in self._warnings:
                log.warning("%s", line, extra=NEVER_COALESCED)
        self._warnings = frozenset(answer.lines)

    async def _wait_for_room(self) -> None:
        """Wait until only a few old workers still run handlers."""
        if len(self._alive) > self._max_ending:
            log.warning("the reload waits: handlers of the code before still run, %d times", self._max_ending)
        while len(self._alive) > self._max_ending:
            ending = [workers.running for workers in self._alive if workers is not self._workers]
            await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)

    async def _until_ended(self) -> None:
        """Wait for ``stop()``, or the end of the present workers."""
        stopped = asyncio.create_task(self._has_stopped.wait())
        try:
            while self._workers is not None and not (stopped.done() or self._workers.running.done()):
                present = self._workers.running
                await asyncio.wait([stopped, present], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()

    async def _end(self) -> None:
        self.stop()
        while self._alive:
            await asyncio.wait([workers.running for workers in self._alive])
