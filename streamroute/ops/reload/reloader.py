"""The reloader: loads, checks and swaps in configurations, one at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from streamroute.errors import StreamrouteError
from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.logs.exception_text import error_line
from streamroute.ops.reload.candidate import (
    STOPPING,
    Candidate,
    ReloadCause,
    ReloadInterruptedError,
    ReloadRefusedError,
)
from streamroute.ops.reload.hooks import NO_HOOKS, ReloadHooks
from streamroute.ops.reload.patient_thread import CrashedThreadError, HangingThreadError, PatientThread
from streamroute.ops.reload.result import APPLIED, REFUSED, UNCHANGED, ReloadResult
from streamroute.ops.serve.findings_log import log_findings, new_findings

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamroute.ops.metrics.reload_status import ReloadStatus
    from streamroute.ops.reload.candidate import ReloadTarget
    from streamroute.ops.reload.loaded import Loaded
    from streamroute.system.file_record import FileRecord

    LoadCandidate = Callable[[ReloadCause, FileRecord | None, Candidate], Loaded]
    """Loads the files, or a record of earlier ones, to replace the running candidate. Runs in a thread."""

log = logging.getLogger(__name__)

PATIENCE: Final = 60.0
"""Seconds that loading may take, with the imports of all handlers."""

RETRY_PAUSE: Final = 5.0
"""Seconds until a reload that was interrupted is tried again: for a worker to be back."""


@dataclass(slots=True)
class _Request:
    """A reload that has not started; everyone who asks for the same one waits for its result."""

    cause: ReloadCause
    record: FileRecord | None
    is_retry: bool = False
    result: asyncio.Future[ReloadResult] = field(default_factory=asyncio.Future)


class Reloader:
    """Replaces the running configuration of ``target``; an async context manager that stops on exit.

    ``load`` runs in a thread of its own: a file or a module that hangs delays only the reloads. Requests that
    come while a reload runs are served together by one more. A change of files that is refused because of it
    is loaded when it ends. A reload that was interrupted is tried once more after ``retry_pause`` seconds,
    unless another one is requested before.
    """

    def __init__(
        self,
        running: Candidate,
        target: ReloadTarget,
        load: LoadCandidate,
        status: ReloadStatus,
        hooks: ReloadHooks = NO_HOOKS,
        *,
        patience: float = PATIENCE,
        retry_pause: float = RETRY_PAUSE,
    ) -> None:
        self.running = running
        self._target = target
        self._load = load
        self._status = status
        self._hooks = hooks
        self._patience = patience
        self._retry_pause = retry_pause
        self._retry: asyncio.TimerHandle | None = None
        self._thread: PatientThread[Loaded] = PatientThread(
            "streamroute reload", patience, self._retry_missed
        )
        self._requests: deque[_Request] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False
        self._has_missed_change = False  # files changed while a thread was hanging

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Cancel the reload that runs, and refuse further ones: the process stops."""
        self._is_closed = True
        self._forget_retry()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        for request in self._requests:
            request.result.cancel()
        self._requests.clear()

    def request(self, cause: ReloadCause, record: FileRecord | None = None) -> asyncio.Future[ReloadResult]:
        """Ask for a reload of the files, or of a record of earlier ones; returns its future result.

        The future is cancelled if the process stops first. Raises ReloadRefusedError if it is stopping.
        """
        if self._is_closed:
            raise ReloadRefusedError(STOPPING)
        self._forget_retry()
        for waiting in self._requests:
            if waiting.record is record:
                return waiting.result
        request = _Request(cause, record)
        self._add(request)
        return request.result

    async def reload(self, cause: ReloadCause, record: FileRecord | None = None) -> ReloadResult:
        """Ask for a reload, and wait for its result. Raises ReloadRefusedError if the process stops first."""
        result = self.request(cause, record)
        await asyncio.wait([result])
        if result.cancelled():
            raise ReloadRefusedError(STOPPING)
        return result.result()

    def _add(self, request: _Request) -> None:
        self._requests.append(request)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._requests:
                await self._serve(self._requests.popleft())

    async def _serve(self, request: _Request) -> None:
        try:
            request.result.set_result(await self._perform(request))
        except asyncio.CancelledError:
            request.result.cancel()
            raise

    async def _perform(self, request: _Request) -> ReloadResult:
        attempt = _Attempt(request.cause, self._target.generation)
        try:
            return await self._replace(request, attempt)
        except ReloadInterruptedError as error:
            return self._refuse(attempt, f"{error}{self._try_again(request)}")
        except StreamrouteError as error:
            return self._refuse(attempt, str(error))
        except Exception as error:
            log.exception("reload (%s) failed", attempt.cause)
            return self._refuse(attempt, error_line(error))

    async def _replace(self, request: _Request, attempt: _Attempt) -> ReloadResult:
        loaded = await self._loaded(request)
        candidate = loaded.candidate
        if candidate is None:
            for line in loaded.findings.lines:
                log.error("%s", line, extra=NEVER_COALESCED)
            return self._refuse(attempt, loaded.findings.summary, loaded.findings.text)
        if self._target.runs(candidate):
            return self._leave(attempt)
        changes = await self._changes(candidate)
        await self._hooks.before_swap(self.running, candidate)
        await self._target.apply(candidate)
        before, self.running = self.running, candidate
        result = self._applied(attempt, candidate, changes)
        log_findings(new_findings(before.findings, candidate.findings))
        return result

    async def _loaded(self, request: _Request) -> Loaded:
        try:
            loaded = await self._thread.run(partial(self._load, request.cause, request.record, self.running))
        except HangingThreadError as error:
            self._has_missed_change |= request.cause is ReloadCause.FILES
            raise ReloadRefusedError(f"still reading files and importing handlers: {error}") from error
        except CrashedThreadError as error:
            raise ReloadRefusedError(f"could not load the configuration: {error}") from error
        if request.record is None:
            self._hooks.files_read(loaded.watched)
        return loaded

    def _try_again(self, request: _Request) -> str:
        """Try an interrupted reload once more after a pause; return the words that say so, if it is."""
        if request.is_retry or self._requests:
            return ""
        again = _Request(request.cause, request.record, is_retry=True)
        self._retry = asyncio.get_running_loop().call_later(self._retry_pause, self._add, again)
        return f"; trying again in {self._retry_pause:g} s"

    def _forget_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _retry_missed(self) -> None:
        """Load changed files after all: their change is reported once, and was refused."""
        if self._has_missed_change and not self._is_closed:
            self._has_missed_change = False
            self.request(ReloadCause.FILES)

    async def _changes(self, candidate: Candidate) -> str:
        """Describe what the candidate changes, in a thread: it takes tenths of a second with many routes."""
        thread = PatientThread[str]("streamroute reload", self._patience)
        return await thread.run(partial(self._hooks.describe, self.running, candidate))

    def _applied(self, attempt: _Attempt, candidate: Candidate, changes: str) -> ReloadResult:
        generations = dict.fromkeys([attempt.before, candidate.generation])  # one, if only code has changed
        message = (
            f"reloaded {' -> '.join(generations)} in {attempt.seconds:.2f} s ({attempt.cause}): {changes}"
        )
        log.info("%s", message, extra=NEVER_COALESCED)
        self._status.record_applied(candidate.generation)
        self._hooks.applied(candidate)
        return self._finish(attempt.result(APPLIED, message, generation=candidate.generation))

    def _leave(self, attempt: _Attempt) -> ReloadResult:
        message = f"unchanged ({attempt.cause}): generation {attempt.before} is running"
        log.info("%s", message)
        self._status.record_unchanged()
        return self._finish(attempt.result(UNCHANGED, message))

    def _refuse(self, attempt: _Attempt, reason: str, findings: str = "") -> ReloadResult:
        message = f"reload ({attempt.cause}) refused, generation {attempt.before} keeps running: {reason}"
        log.error("%s", message, extra=NEVER_COALESCED)
        self._status.record_refused()
        return self._finish(attempt.result(REFUSED, message, findings=findings))

    def _finish(self, result: ReloadResult) -> ReloadResult:
        self._hooks.finished(result)
        return result


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A reload that is running: its cause, and the generation that runs before it."""

    cause: ReloadCause
    before: str
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def result(
        self, outcome: str, message: str, *, generation: str | None = None, findings: str = ""
    ) -> ReloadResult:
        now = self.before if generation is None else generation
        return ReloadResult(outcome, now, self.before, self.seconds, message, findings)
