"""Hooks of a reload: what else has to happen before and after a swap."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamroute.ops.reload.candidate import Candidate
    from streamroute.ops.reload.result import ReloadResult
    from streamroute.ops.reload.watched_files import Watched


async def _nothing_before(_running: Candidate, _candidate: Candidate) -> None:
    """Default for ``before_swap``."""


def _ignore_files(_files: Watched) -> None:
    """Default for ``files_read``."""


def _ignore_change() -> None:
    """Default for ``files_changed``."""


def _ignore_candidate(_candidate: Candidate) -> None:
    """Default for ``applied``."""


def _ignore_result(_result: ReloadResult) -> None:
    """Default for ``finished``."""


def _no_description(_running: Candidate, _candidate: Candidate) -> str:
    return "changed"


def _no_code(_candidate: Candidate) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class ReloadHooks:
    """Called by the reloader in the event loop, and the descriptions in a thread; none may raise.

    ``files_changed``: a watched file has changed, and a reload follows. ``files_read``: the files on disk
    were read, with or without errors. ``before_swap``: a candidate without errors is about to replace the
    running one; reports what that means for work that waits. ``describe`` returns what changes, in a few
    words, and ``describe_code`` what changes of the code. ``applied``: the candidate runs now.
    ``finished``: a reload has ended, in whatever way.
    """

    files_changed: Callable[[], None] = _ignore_change
    files_read: Callable[[Watched], None] = _ignore_files
    before_swap: Callable[[Candidate, Candidate], Awaitable[None]] = _nothing_before
    describe: Callable[[Candidate, Candidate], str] = _no_description
    describe_code: Callable[[Candidate], str] = _no_code
    applied: Callable[[Candidate], None] = _ignore_candidate
    finished: Callable[[ReloadResult], None] = _ignore_result


NO_HOOKS: Final = ReloadHooks()
