"""The history of a service: the generations that ran, in its state folder, to roll back to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self, TypeVar

from streamroute.errors import StreamrouteError
from streamroute.ops.generations.changes import changes_between
from streamroute.ops.generations.store import GenerationStore
from streamroute.ops.reload.candidate import ReloadRefusedError
from streamroute.ops.reload.patient_thread import CrashedThreadError, HangingThreadError, PatientThread

if TYPE_CHECKING:
    from pathlib import Path

    from streamroute.ops.reload.candidate import Candidate
    from streamroute.system.file_record import FileRecord

log = logging.getLogger(__name__)

T = TypeVar("T")

_PATIENCE: Final = 30.0  # seconds for the disk, and for other processes that use the folder
_LAST_STEPS: Final = 2.0  # seconds; messages are drained after it


class GenerationHistory:
    """Keeps the generations of a root file that run, in the background; an async context manager.

    The disk is used in a thread of its own, ``patience`` seconds at a time; on exit, ``last_steps`` at most.
    If it cannot be used, that is one warning.
    """

    def __init__(
        self, state_folder: Path, root: Path, *, patience: float = _PATIENCE, last_steps: float = _LAST_STEPS
    ) -> None:
        self._store = GenerationStore(state_folder, root)
        self._patience = patience
        self._last_steps = last_steps
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_warned = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        if not self._tasks:
            return
        _, hanging = await asyncio.wait(self._tasks, timeout=self._last_steps)
        for task in hanging:
            task.cancel()
        if hanging:
            log.warning("the latest generation is not kept for a rollback: the state folder does not answer")
            await asyncio.wait(hanging)

    def keep(self, candidate: Candidate) -> None:
        """Store a generation that runs now, in the background."""
        task = asyncio.create_task(self._keep(candidate))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def load(self, start: str, running: str) -> FileRecord:
        """Return the files of the generation whose hash starts so; empty: of the one before ``running``.

        Raises ReloadRefusedError if it is not stored, or cannot be read.
        """

        def work() -> FileRecord:
            return (self._store.load(start) if start else self._store.previous(running)).record

        return await self._use(work)

    def describe(self, running: Candidate, candidate: Candidate) -> str:
        """Return what changes from one to the other, in a few words."""
        return str(changes_between(running.outline, candidate.outline))

    async def _keep(self, candidate: Candidate) -> None:
        try:
            await self._use(lambda: self._store.add(candidate.record, candidate.document, candidate.outline))
        except ReloadRefusedError as error:
            if not self._has_warned:
                log.warning("generation %s is not kept for a rollback: %s", candidate.generation, error)
            self._has_warned = True
        else:
            self._has_warned = False

    async def _use(self, work: Callable[[], T]) -> T:
        """Return the result of work on the disk. Raises ReloadRefusedError."""

        def attempt() -> T | StreamrouteError:
            try:
                return work()
            except StreamrouteError as error:
                return error

        thread: PatientThread[T | StreamrouteError] = PatientThread("streamroute history", self._patience)
        async with self._lock:
            try:
                result = await thread.run(attempt)
            except (HangingThreadError, CrashedThreadError) as error:
                raise ReloadRefusedError(f"the state folder cannot be used: {error}") from error
        if isinstance(result, StreamrouteError):
            raise ReloadRefusedError(str(result)) from result
        return result
