"""What loading a configuration gives: a candidate, or the findings that refuse it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from streamroute.ops.reload.candidate import Candidate
    from streamroute.ops.reload.watched_files import Watched


class FindingsText(NamedTuple):
    """Findings as texts: a ``summary``, ``lines`` for a log, and all with their places in the files."""

    summary: str = ""
    lines: tuple[str, ...] = ()
    text: str = ""


NO_FINDINGS: Final = FindingsText()


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of loading; ``candidate`` is None if the configuration is refused because of ``findings``.

    ``watched`` are the files whose change may change the result.
    """

    watched: Watched
    candidate: Candidate | None = None
    findings: FindingsText = NO_FINDINGS
