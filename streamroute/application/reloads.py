"""The reloads of an application: asked for by the program, and on request with ``reload=True``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from streamroute.errors import SetupError
from streamroute.ops.generations.changes import changes_between
from streamroute.ops.generations.state_folder import state_folder
from streamroute.ops.metrics.reload_status import ReloadStatus
from streamroute.ops.reload.app_target import AppTarget
from streamroute.ops.reload.candidate import ReloadCause, ReloadRefusedError
from streamroute.ops.reload.dropped_routes import report_waiting
from streamroute.ops.reload.hooks import ReloadHooks
from streamroute.ops.reload.on_request import ReloadSources, reloading_on_request
from streamroute.ops.reload.reloader import Reloader

if TYPE_CHECKING:
    from pathlib import Path

    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.app import App
    from streamroute.application.loading import ApplicationLoader
    from streamroute.ops.reload.candidate import Candidate
    from streamroute.ops.reload.result import ReloadResult
    from streamroute.ops.reload.watched_files import Watched


@dataclass(slots=True)
class ApplicationReloads:
    """Reloads an app that runs ``running``.

    With ``on_request``, also when a file changes, and when ``streamroute reload`` or ``rollback`` asks; then
    the state folder beside the configuration keeps the generations. ``watched`` are the files as they were
    read.
    """

    loader: ApplicationLoader
    running: Candidate
    watched: Watched
    on_request: bool
    status: ReloadStatus = field(init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def __post_init__(self) -> None:
        self.status = ReloadStatus(self.running.generation)

    @asynccontextmanager
    async def serving(
        self, app: App, redis: RedisConnection, applied: Callable[[Candidate], None]
    ) -> AsyncIterator[Reloader]:
        """Reload the app inside the block; a reload that runs at the end is cancelled.

        ``applied`` is called with each configuration that replaces another.
        """

        def has_applied(candidate: Candidate) -> None:
            self.running = candidate
            applied(candidate)

        hooks = ReloadHooks(
            before_swap=partial(_report_waiting, redis), describe=_describe, applied=has_applied
        )
        target = AppTarget(app)
        if not self.on_request:
            async with Reloader(self.running, target, self.loader, self.status, hooks) as reloader:
                yield reloader
            return
        root = self.loader.absolute_path
        sources = ReloadSources(root, self.loader, state_folder(root, None), self.watched, watch=True)
        async with reloading_on_request(self.running, target, sources, self.status, hooks) as reloader:
            yield reloader

    async def reload(self, reloader: Reloader, path: Path | None) -> ReloadResult:
        """Reload the files, or those of another root file; see ``Application.reload``."""
        reloading = asyncio.create_task(self._reload(reloader, path))
        reloading.add_done_callback(_retrieve)
        return await asyncio.shield(reloading)

    async def _reload(self, reloader: Reloader, path: Path | None) -> ReloadResult:
        async with self._turn:  # a reload that waits would be loaded from the path of the next one
            before = self.loader.path
            self.loader.path = path or before
            try:
                result = await reloader.reload(ReloadCause.COMMAND)
            except ReloadRefusedError as error:
                raise SetupError(f"not reloaded: {error}") from error
            if not result.is_ok:
                self.loader.path = before
            return result


def _retrieve(reloading: asyncio.Task[ReloadResult]) -> None:
    """Retrieve the error of a reload whose caller was cancelled: the log has its result."""
    if not reloading.cancelled():
        reloading.exception()


async def _report_waiting(redis: RedisConnection, running: Candidate, candidate: Candidate) -> None:
    await report_waiting(redis, running.document, candidate.document)


def _describe(running: Candidate, candidate: Candidate) -> str:
    return str(changes_between(running.outline, candidate.outline))
