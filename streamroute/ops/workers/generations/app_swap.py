"""Replaces the generation of a worker's app by that of a record of files, in two phases."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from streamroute.ops.reload.candidate import Candidate, ReloadCause, ReloadRefusedError

if TYPE_CHECKING:
    from streamroute.app import App
    from streamroute.config.document import Document
    from streamroute.ops.reload.loaded import Loaded
    from streamroute.ops.reload.patient_thread import PatientThread
    from streamroute.services.prepared import PreparedGeneration
    from streamroute.system.file_record import FileRecord

Load = Callable[[ReloadCause, "FileRecord | None", Candidate | None], "Loaded"]

_SHOWN: Final = 3  # findings in a refusal


class AppSwap:
    """A ``GenerationSwap``: loads a candidate in ``thread``, imports included, and prepares it in ``app``.

    ``on_commit`` is called with each configuration that the app runs from now on.
    """

    def __init__(
        self, app: App, load: Load, thread: PatientThread[Loaded], on_commit: Callable[[Document], None]
    ) -> None:
        self._app = app
        self._load = load
        self._thread = thread
        self._on_commit = on_commit

    async def prepare(self, record: FileRecord) -> PreparedGeneration:
        """See ``GenerationSwap``."""
        loaded = await self._thread.run(partial(self._load, ReloadCause.COMMAND, record, None))
        candidate = loaded.candidate
        if candidate is None:
            lines = loaded.findings.lines[:_SHOWN]
            raise ReloadRefusedError("; ".join(part for part in (loaded.findings.summary, *lines) if part))
        return await self._app.prepare(candidate.document, candidate.compiled)

    def generation_of(self, prepared: PreparedGeneration) -> str:
        """See ``GenerationSwap``."""
        return prepared.generation.name

    def commit(self, prepared: PreparedGeneration) -> None:
        """See ``GenerationSwap``."""
        self._app.commit(prepared)
        self._on_commit(prepared.generation.document)

    async def discard(self, prepared: PreparedGeneration) -> None:
        """See ``GenerationSwap``."""
        await self._app.discard(prepared)
