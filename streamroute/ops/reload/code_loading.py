"""Load candidates with the code that belongs to them, for a service that follows its own code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from streamroute.ops.reload.watched_files import WatchedTogether

if TYPE_CHECKING:
    from streamroute.ops.reload.candidate import Candidate, ReloadCause
    from streamroute.ops.reload.code.code_watch import CodeWatch
    from streamroute.ops.reload.loaded import Loaded
    from streamroute.system.file_record import FileRecord

    Load = Callable[[ReloadCause, FileRecord | None, Candidate], Loaded]


@dataclass(frozen=True, slots=True)
class CodeLoader:
    """Loads candidates with the code that belongs to them; see ``CandidateLoader``.

    The code is read first: what changes after that is noticed by the watcher as a further change.
    """

    load: Load
    watch: CodeWatch

    def __call__(self, cause: ReloadCause, record: FileRecord | None, running: Candidate) -> Loaded:
        """Load the files on disk, or those of a record, and the code on disk."""
        code = self.watch.read()
        loaded = self.load(cause, record, running)
        watched = WatchedTogether((loaded.watched, code))
        if loaded.candidate is None:
            return replace(loaded, watched=watched)
        return replace(loaded, watched=watched, candidate=replace(loaded.candidate, code=code))
