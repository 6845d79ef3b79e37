"""The reloads of ``serve``: requested by SIGHUP, by changed files, and on the control socket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from streamroute.cli.output.reload_findings import findings_text
from streamroute.cli.process.hangups import Hangups
from streamroute.ops.metrics.reload_status import ReloadStatus
from streamroute.ops.reload.candidate import STOPPING, ReloadCause, ReloadRefusedError
from streamroute.ops.reload.code_loading import CodeLoader
from streamroute.ops.reload.hooks import ReloadHooks
from streamroute.ops.reload.loading import CandidateLoader
from streamroute.ops.reload.on_request import ReloadSources, reloading_on_request
from streamroute.ops.reload.reloader import Reloader
from streamroute.ops.reload.result import ReloadResult

if TYPE_CHECKING:
    from streamroute.cli.commands.serving.start import StartConfig
    from streamroute.ops.reload.candidate import Candidate, ReloadTarget
    from streamroute.ops.reload.code.code_watch import CodeWatch

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReloadOptions:
    """How a service reloads.

    ``watch``: whether it follows changes of files. ``state_folder`` holds its control socket, and the
    generations to which it can roll back. ``outside`` allows files outside the configuration's folder.
    ``hangups`` are those of the process since its start. ``code`` is what the service's workers import, if it
    follows that, too.
    """

    state_folder: Path
    watch: bool = False
    outside: bool = False
    hangups: Hangups = field(default_factory=Hangups)
    code: CodeWatch | None = None


class HangupRequests:
    """Passes SIGHUP to a reloader; keeps one that comes before there is any."""

    def __init__(self) -> None:
        self._reloader: Reloader | None = None
        self._is_waiting = False

    def request(self) -> None:
        """Ask for a reload."""
        if self._reloader is None:
            self._is_waiting = True
            return
        try:
            result = self._reloader.request(ReloadCause.HANGUP)
        except ReloadRefusedError as error:
            _ignore_hangup(error)
        else:
            result.add_done_callback(_report_unserved)

    def connect(self, reloader: Reloader) -> None:
        """Pass requests to this reloader from now on."""
        self._reloader = reloader
        if self._is_waiting:
            self.request()


class Reloads:
    """The reloads of one service, which starts with ``start``; SIGHUP is kept until it runs.

    ``on_applied`` is called with each configuration that replaces another, ``on_finished`` with the result of
    each reload.
    """

    def __init__(self, options: ReloadOptions, start: StartConfig) -> None:
        self.hangups, self.code = options.hangups, options.code
        self.status = ReloadStatus(start.candidate.generation, is_last_successful=start.is_on_disk)
        self._options = options
        self._start = start
        self._requests = HangupRequests()
        self.hangups.on_request = self._requests.request
        self.on_applied: Callable[[Candidate], None] = _ignore
        self.on_finished: Callable[[ReloadResult], None] = _ignore

    @property
    def start(self) -> Candidate:
        """The configuration that the service starts with."""
        return self._start.candidate

    @asynccontextmanager
    async def serving(
        self, target: ReloadTarget, hooks: ReloadHooks, *, imports: bool = True
    ) -> AsyncIterator[Reloader]:
        """Reload ``target`` on request inside the block; nothing of it is left at the end.

        Of ``hooks``, the ones about files and descriptions are replaced. Without ``imports``, the target
        imports the handlers, and this process runs no user code.
        """
        options, start = self._options, self._start
        loader = CandidateLoader(
            *(start.path, findings_text, options.outside, imports), working_folder=start.working_folder
        )
        sources = ReloadSources(
            Path(start.working_folder, start.path),
            loader if options.code is None else CodeLoader(loader, options.code),
            *(options.state_folder, start.watched, options.watch, options.code),
        )

        def has_applied(candidate: Candidate) -> None:
            hooks.applied(candidate)
            self.on_applied(candidate)

        all_hooks = replace(hooks, applied=has_applied, finished=self.on_finished)
        async with reloading_on_request(start.candidate, target, sources, self.status, all_hooks) as reloader:
            self._requests.connect(reloader)
            yield reloader


def _ignore(_event: object) -> None:
    """Default no-op callback."""


def _report_unserved(result: asyncio.Future[ReloadResult]) -> None:
    """Report a request that came while the process began to stop: nobody else waits for its result."""
    if result.cancelled():
        _ignore_hangup(STOPPING)


def _ignore_hangup(reason: object) -> None:
    log.info("SIGHUP is ignored: %s", reason)
