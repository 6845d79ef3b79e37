"""Load the configuration of an application: as ``serve`` does, but errors are raised."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamroute.config.findings.config_error import config_error
from streamroute.config.findings.finding import errors_of
from streamroute.config.load import config_file
from streamroute.errors import SetupError
from streamroute.ops.reload.candidate import Candidate, ReloadCause
from streamroute.ops.reload.loaded import FindingsText, Loaded
from streamroute.ops.reload.loading import CandidateLoader
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.config.findings.finding import Finding
    from streamroute.config.findings.text_file import TextFile
    from streamroute.system.file_record import FileRecord


def _working_folder() -> str | None:
    """Return the working folder; None if it was deleted."""
    try:
        return os.getcwd()  # noqa: PTH109 - text
    except OSError:
        return None


@dataclass(slots=True)
class ApplicationLoader:
    """Loads the configuration at ``path``, which may be changed; see ``CandidateLoader``.

    A relative path starts at ``working_folder``, wherever the program has moved since.
    ``container`` replaces the one that the configuration names, and is never closed; None replaces nothing.
    Without ``needs_server``, the program has a server, and variables of ``redis`` may be unset.
    """

    path: Path
    outside: bool
    container: Any = None
    needs_server: bool = True
    working_folder: str | None = field(default_factory=_working_folder)
    _refused: Sequence[Finding] = field(default=(), init=False)

    def __call__(self, cause: ReloadCause, record: FileRecord | None, running: Candidate | None) -> Loaded:
        """Load the files on disk, or those of a record; see ``Reloader``."""
        self._refused = ()
        loader = CandidateLoader(
            *(self.path, self._describe, self.outside),
            working_folder=self.working_folder,
            needs_server=self.needs_server,
        )
        loaded = loader(cause, record, running)
        candidate = loaded.candidate
        if candidate is None or self.container is None:
            return loaded
        compiled = candidate.compiled.with_container(self.container)
        return replace(loaded, candidate=replace(candidate, compiled=compiled))

    @property
    def absolute_path(self) -> Path:
        """The path from the root of the file system."""
        return Path(self.working_folder or "", self.path)

    def at_start(self) -> tuple[Candidate, Loaded]:
        """Load the files on disk. Raises ConfigError for errors, SetupError if no route is enabled."""
        loaded = self(ReloadCause.START, None, None)
        if loaded.candidate is not None:
            return loaded.candidate, loaded
        if self._refused:
            raise config_error(self.path, self._refused)
        raise SetupError(loaded.findings.summary)

    def _describe(self, findings: Sequence[Finding], _sources: Mapping[str, TextFile]) -> FindingsText:
        self._refused = findings
        return findings_text(findings)


def findings_text(findings: Sequence[Finding]) -> FindingsText:
    """Return the findings that refuse a configuration as texts, one line each."""
    errors = [str(finding) for finding in errors_of(findings)]
    lines = [str(finding) for finding in findings]
    return FindingsText(pluralize(len(errors), "error"), _first(errors, 20), "\n".join(_first(lines, 1_000)))


def _first(lines: Sequence[str], limit: int) -> tuple[str, ...]:
    left_out = len(lines) - limit
    return (*lines[:limit], *[f"and {left_out:,} more"] * (left_out > 0))


def root_file(path: str | Path) -> Path:
    """Return the path of the root file, which may be given by its folder."""
    return Path(config_file(path))
