"""A worker's channel to its supervisor: the generation to start with, and those that replace it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from streamroute.cli.arguments.config import check_or_exit, exit_unusable, usable_config
from streamroute.cli.arguments.path_options import outside_allowed
from streamroute.cli.output.reload_findings import findings_text
from streamroute.cli.process.hangups import Hangups
from streamroute.compiler.pipeline import check_path, findings_for_running
from streamroute.config.findings.finding import Severity
from streamroute.ops.reload.code.imported_modules import imported_modules
from streamroute.ops.reload.loaded import Loaded
from streamroute.ops.reload.loading import CandidateLoader
from streamroute.ops.reload.patient_thread import PatientThread
from streamroute.ops.workers.generations.app_swap import AppSwap
from streamroute.ops.workers.generations.follower import GenerationFollower
from streamroute.ops.workers.generations.start import read_start
from streamroute.ops.workers.generations.start_answer import StartAnswer
from streamroute.system.recording import RecordedFiles

if TYPE_CHECKING:
    from streamroute.app import App
    from streamroute.cli.arguments.config import UsableConfig
    from streamroute.config.document import Document
    from streamroute.config.findings.finding import Finding
    from streamroute.config.findings.text_file import TextFile
    from streamroute.system.files import FileReader

log = logging.getLogger(__name__)

_PATIENCE: Final = 60.0  # seconds that reading, checking and importing may take
_LAST_STEPS: Final = 2.0  # seconds for the supervisor to read why the worker ends


class WorkerChannelEnd:
    """A worker's end of its channel, by the file descriptor that it inherited.

    ``hangups`` are ignored: they are for the supervisor, which reloads its workers. With ``answers``, the
    worker tells the supervisor how its start went, and does not print why it cannot start.
    """

    def __init__(self, descriptor: int, hangups: Hangups, *, answers: bool = False) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)
        self._path = Path()
        self.hangups = hangups
        self.hangups.on_request = _ignore_hangup
        self._answers = answers
        self._warnings: tuple[str, ...] = ()

    def load_start(self) -> UsableConfig:
        """Load the generation to start with from the files that the supervisor sends.

        Exits with 1 if it has errors. Raises SetupError if the supervisor does not send it.
        """
        record = read_start(self._socket)
        self._path = Path(record.path)
        if self._answers:
            return self._load_or_refuse(RecordedFiles(record))
        return check_or_exit(self._path, imports=True, unset="error", files=RecordedFiles(record))

    def _load_or_refuse(self, files: FileReader) -> UsableConfig:
        result = check_path(self._path, unset="error", outside=outside_allowed(), files=files)
        usable = usable_config(result)
        if usable is None:
            self._refuse(findings_for_running(result, imports=True), result.sources)
        found = result.findings
        self._warnings = tuple(str(one) for one in found if one.severity is Severity.WARNING)
        return usable

    def _refuse(self, findings: Sequence[Finding], sources: Mapping[str, TextFile]) -> NoReturn:
        texts = findings_text(findings, sources)
        lines = tuple(_line(finding) for finding in findings if finding.severity is Severity.ERROR)
        answer = StartAnswer(refusal=texts.summary, lines=lines, text=texts.text, modules=imported_modules())
        self._socket.settimeout(_LAST_STEPS)
        with suppress(OSError):  # the supervisor has ended, or hangs
            self._socket.sendall(answer.to_bytes())
        exit_unusable()

    @asynccontextmanager
    async def following(self, app: App, on_commit: Callable[[Document], None]) -> AsyncIterator[None]:
        """Replace the generation of the app when the supervisor says so, inside the block."""
        loader = CandidateLoader(self._path, findings_text, outside=outside_allowed())
        thread = PatientThread[Loaded]("streamroute reload", _PATIENCE)
        started = StartAnswer(app.generation, lines=self._warnings, modules=imported_modules())
        swap = AppSwap(app, loader, thread, on_commit)
        follower = GenerationFollower(self._socket, swap, started if self._answers else None)
        task = asyncio.create_task(follower.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


def _ignore_hangup() -> None:
    log.info("SIGHUP is ignored: the supervisor reloads its workers")


def _line(finding: Finding) -> str:
    """Return a finding in one line, with its help: that has the place in the code that cannot be imported."""
    return f"{finding} ({finding.help})" if finding.help else str(finding)
