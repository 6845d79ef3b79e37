"""A candidate: a checked configuration that may replace the running one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from streamroute.errors import StreamrouteError
from streamroute.ops.generations.changes import Outline, outline_of

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.document import Document
    from streamroute.config.findings.finding import Finding
    from streamroute.ops.reload.code.code_files import CodeFiles
    from streamroute.system.file_record import FileRecord


class ReloadCause(StrEnum):
    """Why a configuration was loaded."""

    START = "start"
    HANGUP = "SIGHUP"
    FILES = "file change"
    COMMAND = "command"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Candidate:
    """A configuration without errors.

    ``generation`` is its hash. ``record`` holds every file that it was read from, so that it can be loaded
    again without them. ``findings`` are warnings and infos. ``code`` is the code on disk, read before the
    files; None for a service that does not follow its code.
    """

    generation: str
    document: Document
    compiled: Compiled
    findings: tuple[Finding, ...]
    record: FileRecord
    cause: ReloadCause
    code: CodeFiles | None = None

    @cached_property
    def outline(self) -> Outline:
        """Its parts, to say what changed; computed once, in tenths of a second with ten thousand routes."""
        return outline_of(self.document)


STOPPING: Final = "this process is stopping"
"""The reason of a refusal while the service drains."""


class ReloadRefusedError(StreamrouteError):
    """Raised when a candidate cannot replace the running generation, which keeps running; the text is why."""


class ReloadInterruptedError(ReloadRefusedError):
    """Raised when a candidate was refused for a reason that may pass: the same one may be applied later."""


class ReloadTarget(Protocol):
    """What runs the configuration: the app of one process, or the supervisor of several."""

    @property
    def generation(self) -> str:
        """The generation that runs: the one that decodes entries from now on."""
        ...

    def runs(self, candidate: Candidate) -> bool:
        """Whether the candidate would change nothing: it is what runs."""
        ...

    async def apply(self, candidate: Candidate) -> None:
        """Replace the running generation by the candidate, everywhere or nowhere.

        Prepares first, which may take its time, and then swaps without waiting. Raises ReloadRefusedError if
        it cannot be prepared; then, and on cancellation before the swap, the running generation is untouched
        and nothing of the candidate is left.
        """
        ...
