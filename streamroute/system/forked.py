"""Forked copies: a child that user code forks with ``os.fork()`` must not continue as its parent.

A child that returns from a handler would run, settle and log everything a second time, over its parent's
connections; one that returns from the import of a module would serve beside its parent. Such a child exits
instead. Children that exit by themselves (``multiprocessing``, ``os.execv``, ``os._exit``) never return to
this package and are not affected. User code must wait for the children that it forks: waiting for any child
here would take the exit status of user code's other processes.
"""

from __future__ import annotations

import os
import select
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

_OPEN_FILES: Final = Path("/proc/self/fd")
_POLLER: Final = "anon_inode:[eventpoll]"


class _Process:
    """State of the current process."""

    __slots__ = ("is_copy",)

    def __init__(self) -> None:
        self.is_copy = False
        """Whether it was forked from a process that was consuming."""


class _Consumer:
    """A placeholder for a user of an event loop."""


PROCESS: Final = _Process()
_loops: Final[weakref.WeakKeyDictionary[object, AbstractEventLoop]] = weakref.WeakKeyDictionary()


def begin_consuming(consumer: object, loop: AbstractEventLoop) -> None:
    """Record that ``consumer`` runs in this loop, so that a forked child counts as a copy."""
    _watch_forks()
    _loops[consumer] = loop


def end_consuming(consumer: object) -> None:
    """Record that ``consumer`` has ended; does nothing if it has not begun."""
    _loops.pop(consumer, None)


@contextmanager
def consuming(loop: AbstractEventLoop) -> Iterator[None]:
    """Record inside the block that ``loop`` is, or soon will be, used by a consumer."""
    consumer = _Consumer()
    begin_consuming(consumer, loop)
    try:
        yield
    finally:
        end_consuming(consumer)


def exit_if_forked() -> None:
    """Exit this process if it is a copy; called wherever user code returns, and before writes."""
    if PROCESS.is_copy:
        _end_copy()


class ExitForkedChild:
    """Context for user code that runs while nothing consumes: a child forked inside exits on leaving it."""

    __slots__ = ("_process",)

    def __enter__(self) -> None:
        self._process = os.getpid()

    def __exit__(self, *_error: object) -> None:
        if os.getpid() != self._process:
            _end_copy()


def _end_copy() -> NoReturn:
    """Exit this process, a copy, without flushing, closing or settling anything of its parent."""
    import logging  # imported late: checks do not need it

    from streamroute.logs.coalescing import NEVER_COALESCED

    logging.getLogger(__name__).error(
        "process %d is a copy of process %d, made by os.fork() in user code, and ends; such code must end "
        "its child with os._exit(), or use subprocess or multiprocessing",
        os.getpid(),
        os.getppid(),
        extra=NEVER_COALESCED,
    )
    os._exit(1)


@cache
def _watch_forks() -> None:
    if hasattr(os, "register_at_fork"):  # Windows has no fork
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    """Mark the child as a copy; it exits when user code returns or waits in the event loop."""
    if not _loops:
        return
    PROCESS.is_copy = True
    _replace_pollers()
    for loop in set(_loops.values()):
        with suppress(RuntimeError):  # closed, or in debug mode and forked in another thread
            loop.call_soon(_end_copy)


def _replace_pollers() -> None:
    """Give the child its own epoll descriptors: closing files would change those shared with the parent."""
    with suppress(OSError):  # no /proc: kqueue descriptors are not inherited
        for file in _OPEN_FILES.iterdir():
            with suppress(OSError), select.epoll() as own:
                if str(file.readlink()) == _POLLER:
                    os.dup2(own.fileno(), int(file.name), inheritable=False)
