"""Reloads on request: by a changed file, and on the control socket; generations are kept for a rollback."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from streamroute.ops.generations.state_folder import absolute_root
from streamroute.ops.reload.candidate import ReloadCause, ReloadRefusedError
from streamroute.ops.reload.control.messages import GENERATION, ROLLBACK, ControlAnswer, ControlRequest
from streamroute.ops.reload.control.server import control_socket
from streamroute.ops.reload.file_watcher import FileWatcher
from streamroute.ops.reload.history import GenerationHistory
from streamroute.ops.reload.reloader import Reloader
from streamroute.ops.reload.result import UNCHANGED, ReloadResult
from streamroute.ops.reload.watch_list import differs_from_disk

if TYPE_CHECKING:
    from pathlib import Path

    from streamroute.ops.metrics.reload_status import ReloadStatus
    from streamroute.ops.reload.candidate import Candidate, ReloadTarget
    from streamroute.ops.reload.code.code_watch import CodeWatch
    from streamroute.ops.reload.hooks import ReloadHooks
    from streamroute.ops.reload.reloader import LoadCandidate
    from streamroute.ops.reload.watched_files import Watched

_DIFFERS: Final = (
    "the files on disk differ: they are loaded by the next change of a file (--reload), by SIGHUP, "
    "streamroute reload, and at the next start"
)


@dataclass(frozen=True, slots=True)
class ReloadSources:
    """Where the configurations of a service come from.

    ``load`` loads the file ``root``; ``state_folder`` holds the control socket, and the generations to which
    the service can roll back. Changes of the files in ``watched`` are followed if ``watch`` is true. ``code``
    is what the service's workers import, if it follows that, too.
    """

    root: Path
    load: LoadCandidate
    state_folder: Path
    watched: Watched
    watch: bool = False
    code: CodeWatch | None = None


@asynccontextmanager
async def reloading_on_request(
    running: Candidate,
    target: ReloadTarget,
    sources: ReloadSources,
    status: ReloadStatus,
    hooks: ReloadHooks,
) -> AsyncIterator[Reloader]:
    """Reload ``target`` on request inside the block; nothing of it is left at the end.

    Of ``hooks``, the ones about files and descriptions are replaced.
    """
    async with GenerationHistory(sources.state_folder, sources.root) as history:

        def has_changed() -> None:
            hooks.files_changed()
            _request(reloader)

        watcher = FileWatcher(_in_loop(has_changed))
        if sources.code is not None:
            sources.code.on_modules = watcher.watch_also

        def describe(before: Candidate, candidate: Candidate) -> str:
            is_same = before.generation == candidate.generation
            routes = "" if is_same else history.describe(before, candidate)
            return "; ".join(part for part in (routes, hooks.describe_code(candidate)) if part)

        def has_applied(candidate: Candidate) -> None:
            hooks.applied(candidate)
            history.keep(candidate)

        all_hooks = replace(hooks, files_read=watcher.watch, describe=describe, applied=has_applied)
        async with Reloader(running, target, sources.load, status, all_hooks) as reloader:
            history.keep(running)
            control = _Control(reloader, history, absolute_root(sources.root))
            async with control_socket(sources.state_folder, control.answer):
                with watcher.watching(sources.watched) if sources.watch else nullcontext():
                    yield reloader


def _request(reloader: Reloader) -> None:
    with suppress(ReloadRefusedError):  # this process is stopping
        reloader.request(ReloadCause.FILES)


@dataclass(frozen=True, slots=True)
class _Control:
    """Answers the requests on the control socket that are for this root file, given by its absolute path."""

    reloader: Reloader
    history: GenerationHistory
    root: str

    async def answer(self, request: ControlRequest) -> ControlAnswer:
        """See ``control_socket``."""
        if not request.is_for(self.root):
            return ControlAnswer(os.getpid(), error="it serves another configuration", is_meant=False)
        if request.ask == ROLLBACK:
            return await self._roll_back(request.generation)
        if request.ask == GENERATION:
            running = self.reloader.running.generation
            return ControlAnswer(os.getpid(), ReloadResult(UNCHANGED, running, running, 0.0, ""))
        return ControlAnswer(os.getpid(), await self.reloader.reload(ReloadCause.COMMAND))

    async def _roll_back(self, generation: str) -> ControlAnswer:
        record = await self.history.load(generation, self.reloader.running.generation)
        result = await self.reloader.reload(ReloadCause.ROLLBACK, record)
        note = _DIFFERS if result.is_ok and differs_from_disk(record) else ""
        return ControlAnswer(os.getpid(), result, note=note)


def _in_loop(call: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls this one in the running event loop, from any thread."""
    loop = asyncio.get_running_loop()

    def call_soon() -> None:
        with suppress(RuntimeError):  # the event loop is closed
            loop.call_soon_threadsafe(call)

    return call_soon
