"""Forked copies: a child that a handler makes with ``os.fork()`` must not go on as its parent.

A child that returns from the handler would run, settle and log everything a second time, over its parent's
connections. It ends instead. Children that end by themselves (``multiprocessing``, ``os.execv``,
``os._exit``) never return to this package, and are left alone.
"""

from __future__ import annotations

import logging
import os
import select
import weakref
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from streamroute.log_coalescing import NEVER_COALESCED

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

log = logging.getLogger(__name__)

_OPEN_FILES: Final = Path("/proc/self/fd")
_POLLER: Final = "anon_inode:[eventpoll]"


class _Process:
    """What is known of the running process."""

    __slots__ = ("is_copy",)

    def __init__(self) -> None:
        self.is_copy = False
        """Whether it was forked from one that consumed at that moment."""


PROCESS: Final = _Process()
_loops: Final[weakref.WeakKeyDictionary[object, AbstractEventLoop]] = weakref.WeakKeyDictionary()


def begin_consuming(consumer: object, loop: AbstractEventLoop) -> None:
    """Note that ``consumer`` runs in this loop, so that a child of this process is a copy of it."""
    _watch_forks()
    _loops[consumer] = loop


def end_consuming(consumer: object) -> None:
    """Note that ``consumer`` has ended; harmless where it has not begun."""
    _loops.pop(consumer, None)


def end_if_copy() -> None:
    """End this process if it is a copy: called wherever a handler's code returns, and before we write."""
    if PROCESS.is_copy:
        _end_copy()


def _end_copy() -> NoReturn:
    """End this process, which is a copy: nothing of its parent's is flushed, closed or settled here."""
    log.error(
        "process %d is a copy of this worker, made by os.fork() in a handler, and ends; a handler must end "
        "such a process with os._exit(), or use subprocess or multiprocessing",
        os.getpid(),
        extra=NEVER_COALESCED,
    )
    os._exit(1)


@cache
def _watch_forks() -> None:
    if hasattr(os, "register_at_fork"):  # Windows has no fork
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    """In the child: nothing happens until the handler returns, unless it waits in the event loop."""
    if not _loops:
        return
    PROCESS.is_copy = True
    _replace_pollers()
    for loop in set(_loops.values()):
        with suppress(RuntimeError):  # closed, or in debug mode and forked in another thread
            loop.call_soon(_end_copy)


def _replace_pollers() -> None:
    """Give this process pollers of its own: what it closes would end the parent's waiting for it, too."""
    with suppress(OSError):  # there is no /proc: kqueue's are not inherited
        for file in _OPEN_FILES.iterdir():
            with suppress(OSError), select.epoll() as own:
                if str(file.readlink()) == _POLLER:
                    os.dup2(own.fileno(), int(file.name), inheritable=False)
