"""Load a candidate: by the same check as ``streamroute check``, from the files or from a record of them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from streamroute.compiler.pipeline import check_path, cold_changes, findings_for_running
from streamroute.config.findings.finding import has_errors, sort_findings
from streamroute.config.load import recording_reader
from streamroute.errors import SetupError
from streamroute.ops.reload.candidate import Candidate, ReloadCause
from streamroute.ops.reload.loaded import FindingsText, Loaded
from streamroute.ops.reload.watch_list import watch_list
from streamroute.ops.serve.served_streams import served_streams
from streamroute.system.recording import RecordedFiles

if TYPE_CHECKING:
    from streamroute.compiler.pipeline import CheckResult
    from streamroute.config.document import Document
    from streamroute.config.findings.finding import Finding
    from streamroute.config.findings.text_file import TextFile
    from streamroute.ops.reload.watched_files import WatchedFiles
    from streamroute.system.file_record import FileRecord
    from streamroute.system.files import FileReader

    Describe = Callable[[Sequence[Finding], Mapping[str, TextFile]], FindingsText]
    """Returns findings as texts; the mapping has the files' texts by the paths in the findings."""


@dataclass(frozen=True, slots=True)
class CandidateLoader:
    """Loads candidates of one configuration, given by the path of its root file.

    A relative path starts at ``working_folder`` (None: where the process is), wherever user code has moved.
    ``outside`` allows files outside its folder. Without ``needs_server``, variables of ``redis`` may be
    unset. Without ``imports``, no user code runs, and errors of handlers are ignored. ``compare`` returns
    further findings, about replacing the running document by a new one.
    """

    path: Path
    describe: Describe
    outside: bool = False
    imports: bool = True
    compare: Callable[[Document, Document], Sequence[Finding]] = cold_changes
    working_folder: str | None = None
    needs_server: bool = True

    def __call__(self, cause: ReloadCause, record: FileRecord | None, running: Candidate | None) -> Loaded:
        """Load the files on disk, or those of a record; see ``Reloader``."""
        importlib.invalidate_caches()  # a module may be newer than its folder's time, which has a resolution
        if record is not None:
            result = self._checked(record.path, RecordedFiles(record))
            return self._loaded(result, record, cause, running)
        path = self._path_from_here()
        reader = recording_reader(path, outside=self.outside, is_file=True)
        result = self._checked(path, reader)
        return self._loaded(result, reader.record(), cause, running)

    def _checked(self, path: str | Path, files: FileReader) -> CheckResult:
        return check_path(path, imports=self.imports, files=files, needs_server=self.needs_server)

    def _path_from_here(self) -> Path:
        """Return the path as it was given, if that still leads to the file."""
        folder = self.working_folder
        return self.path if folder in {None, os.getcwd()} else Path(folder or "", self.path)  # noqa: PTH109 - text

    def _loaded(
        self, result: CheckResult, record: FileRecord, cause: ReloadCause, running: Candidate | None
    ) -> Loaded:
        findings = findings_for_running(result, imports=self.imports)
        if running is not None and result.document is not None and not has_errors(findings):
            findings = sort_findings([*findings, *self.compare(running.document, result.document)])
        if has_errors(findings) or result.document is None or result.compiled is None:
            return self._refused(result, record, self.describe(findings, result.sources))
        try:
            served_streams(result.document)
        except SetupError as error:
            return self._refused(result, record, FindingsText(str(error)))
        candidate = Candidate(
            result.document.generation, result.document, result.compiled, tuple(findings), record, cause
        )
        return Loaded(self._watched(record, result, refused=False), candidate)

    def _refused(self, result: CheckResult, record: FileRecord, findings: FindingsText) -> Loaded:
        return Loaded(self._watched(record, result, refused=True), None, findings)

    def _watched(self, record: FileRecord, result: CheckResult, *, refused: bool) -> WatchedFiles:
        return watch_list(Path(self.working_folder or "", self.path), record, result, refused=refused)
