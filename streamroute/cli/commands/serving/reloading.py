"""The reloads of ``serve``: requested by SIGHUP, by changed files, and on the control socket."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamroute.cli.output.reload_findings import findings_text
from streamroute.cli.process.hangups import Hangups
from streamroute.ops.generations.state_folder import absolute_root
from streamroute.ops.metrics.reload_status import ReloadStatus
from streamroute.ops.reload.candidate import STOPPING, ReloadCause, ReloadRefusedError
from streamroute.ops.reload.code_loading import CodeLoader
from streamroute.ops.reload.control.messages import GENERATION, ROLLBACK, ControlAnswer, ControlRequest
from streamroute.ops.reload.control.server import control_socket
from streamroute.ops.reload.file_watcher import FileWatcher
from streamroute.ops.reload.history import GenerationHistory
from streamroute.ops.reload.hooks import ReloadHooks
from streamroute.ops.reload.loading import CandidateLoader
from streamroute.ops.reload.reloader import Reloader
from streamroute.ops.reload.result import UNCHANGED, ReloadResult
from streamroute.ops.reload.watch_list import differs_from_disk

if TYPE_CHECKING:
    from streamroute.cli.commands.serving.start import StartConfig
    from streamroute.ops.reload.candidate import Candidate, ReloadTarget
    from streamroute.ops.reload.code.code_watch import CodeWatch

log = logging.getLogger(__name__)

_DIFFERS: Final = (
    "the files on disk differ: they are loaded by the next change of a file (--reload), by SIGHUP, "
    "streamroute reload, and at the next start"
)


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
        options, start, running = self._options, self._start, self._start.candidate
        loader = CandidateLoader(
            *(start.path, findings_text, options.outside, imports), working_folder=start.working_folder
        )
        load = loader if options.code is None else CodeLoader(loader, options.code)
        root = Path(start.working_folder, start.path)
        async with GenerationHistory(options.state_folder, root) as history:

            def has_changed() -> None:
                hooks.files_changed()
                _request(reloader)

            watcher = FileWatcher(_in_loop(has_changed))
            if options.code is not None:
                options.code.on_modules = watcher.watch_also

            def describe(before: Candidate, candidate: Candidate) -> str:
                is_same = before.generation == candidate.generation
                routes = "" if is_same else history.describe(before, candidate)
                return "; ".join(part for part in (routes, hooks.describe_code(candidate)) if part)

            def has_applied(candidate: Candidate) -> None:
                hooks.applied(candidate)
                history.keep(candidate)
                self.on_applied(candidate)

            all_hooks = replace(
                hooks,
                files_read=watcher.watch,
                describe=describe,
                applied=has_applied,
                finished=self.on_finished,
            )
            async with Reloader(running, target, load, self.status, all_hooks) as reloader:
                history.keep(running)
                self._requests.connect(reloader)
                control = _Control(reloader, history, absolute_root(root))
                async with control_socket(options.state_folder, control.answer):
                    with watcher.watching(self._start.watched) if options.watch else nullcontext():
                        yield reloader


def _ignore(_event: object) -> None:
    """Default no-op callback."""


def _report_unserved(result: asyncio.Future[ReloadResult]) -> None:
    """Report a request that came while the process began to stop: nobody else waits for its result."""
    if result.cancelled():
        _ignore_hangup(STOPPING)


def _ignore_hangup(reason: object) -> None:
    log.info("SIGHUP is ignored: %s", reason)


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
