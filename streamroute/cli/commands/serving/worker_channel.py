"""A worker's channel to its supervisor: the generation to start with, and those that replace it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamroute.cli.arguments.config import check_or_exit
from streamroute.cli.arguments.paths import outside_allowed
from streamroute.cli.output.reload_findings import findings_text
from streamroute.cli.process.hangups import Hangups
from streamroute.ops.reload.loaded import Loaded
from streamroute.ops.reload.loading import CandidateLoader
from streamroute.ops.reload.patient_thread import PatientThread
from streamroute.ops.workers.generations.app_swap import AppSwap
from streamroute.ops.workers.generations.follower import GenerationFollower
from streamroute.ops.workers.generations.start import read_start
from streamroute.system.recording import RecordedFiles

if TYPE_CHECKING:
    from streamroute.app import App
    from streamroute.cli.arguments.config import UsableConfig
    from streamroute.config.document import Document

log = logging.getLogger(__name__)

_PATIENCE: Final = 60.0  # seconds that reading, checking and importing may take


class WorkerChannelEnd:
    """A worker's end of its channel, by the file descriptor that it inherited.

    ``hangups`` are ignored: they are for the supervisor, which reloads its workers.
    """

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)
        self._path = Path()
        self.hangups = Hangups()
        self.hangups.on_request = _ignore_hangup

    def load_start(self) -> UsableConfig:
        """Load the generation to start with from the files that the supervisor sends.

        Exits with 1 if it has errors. Raises SetupError if the supervisor does not send it.
        """
        record = read_start(self._socket)
        self._path = Path(record.path)
        return check_or_exit(self._path, imports=True, unset="error", files=RecordedFiles(record))

    @asynccontextmanager
    async def following(self, app: App, on_commit: Callable[[Document], None]) -> AsyncIterator[None]:
        """Replace the generation of the app when the supervisor says so, inside the block."""
        loader = CandidateLoader(self._path, findings_text, outside=outside_allowed())
        thread = PatientThread[Loaded]("streamroute reload", _PATIENCE)
        follower = GenerationFollower(self._socket, AppSwap(app, loader, thread, on_commit))
        task = asyncio.create_task(follower.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


def _ignore_hangup() -> None:
    log.info("SIGHUP is ignored: the supervisor reloads its workers")
