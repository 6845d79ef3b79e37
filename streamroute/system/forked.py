"""Forked copies: a child that user code makes with ``os.fork()`` must not go on as its parent.

A child that returns from a handler would run, settle and log everything a second time, over its parent's
connections; one that returns from the import of a module would serve beside it. It ends instead. Children
that end by themselves (``multiprocessing``, ``os.execv``, ``os._exit``) never return to this package, and
are left alone. User code waits for the children that it forks: a parent that waited for children in general
would take the exit status of user code's own processes.
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
    """What is known of the running process."""

    __slots__ = ("is_copy",)

    def __init__(self) -> None:
        self.is_copy = False
        """Whether it was forked from one that consumed at that moment."""


class _Consumer:
    """Whatever uses an event loop."""


PROCESS: Final = _Process()
_loops: Final[weakref.WeakKeyDictionary[object, AbstractEventLoop]] = weakref.WeakKeyDictionary()


def begin_consuming(consumer: object, loop: AbstractEventLoop) -> None:
    """Note that ``consumer`` runs in this loop, so that a child of this process is a copy of it."""
    _watch_forks()
    _loops[consumer] = loop


def end_consuming(consumer: object) -> None:
    """Note that ``consumer`` has ended; harmless where it has not begun."""
    _loops.pop(consumer, None)


@contextmanager
def consuming(loop: AbstractEventLoop) -> Iterator[None]:
    """Note that ``loop`` is used by a consumer, or soon will be."""
    consumer = _Consumer()
    begin_consuming(consumer, loop)
    try:
        yield
    finally:
        end_consuming(consumer)


def exit_if_forked() -> None:
    """End this process if it is a copy: called wherever user code returns, and before we write."""
    if PROCESS.is_copy:
        _end_copy()


class ExitForkedChild:
    """User code that runs while nothing consumes: a child that it forks ends when it leaves this block."""

    __slots__ = ("_process",)

    def __enter__(self) -> None:
        self._process = os.getpid()

    def __exit__(self, *_error: object) -> None:
        if os.getpid() != self._process:
            _end_copy()


def _end_copy() -> NoReturn:
    """End this process, which is a copy: nothing of its parent's is flushed, closed or settled here."""
    import logging  # a check does without it

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
    """In the child: nothing happens until the user code returns, unless it waits in the event loop."""
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
