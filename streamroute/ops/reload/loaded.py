"""What loading a configuration gives: a candidate, or the findings that refuse it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamroute.ops.reload.candidate import Candidate

    FileRecord = object


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of loading; ``candidate`` is None if the configuration has errors.

    ``reason`` is then one line about them, ``lines`` are the findings in one line each, and ``text`` shows
    them with their places in the files. ``record`` holds the files as they were read, with errors or not.
    """

    record: FileRecord
    candidate: Candidate | None = None
    reason: str = ""
    lines: tuple[str, ...] = ()
    text: str = ""
