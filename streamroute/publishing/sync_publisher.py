"""Publish events from a program without an event loop."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeVar

from streamroute.errors import SetupError
from streamroute.publishing.event import Event
from streamroute.publishing.loop_thread import LoopThread
from streamroute.publishing.publisher import Publisher
from streamroute.system.forked import PROCESS

T = TypeVar("T")


class _Opened(NamedTuple):
    """A publisher that is open, and the thread of its event loop."""

    thread: LoopThread
    publisher: Publisher

    def call(self, make: Callable[[Publisher], Coroutine[Any, Any, T]]) -> T:
        return self.thread.call(lambda: make(self.publisher))


class SyncPublisher:
    """A ``Publisher`` for programs without an event loop: each call returns when Redis has answered.

    The arguments are those of ``Publisher``, except that it always has connections of its own. Any number of
    threads may share one. It may be opened before the process forks: a child opens connections of its own at
    its first call. Its event loop runs in a daemon thread.

    >>> with SyncPublisher("routes.yaml") as publisher:  # doctest: +SKIP
    ...     publisher.publish("bot_events", "booking.confirmed", {"nights": 3})
    """

    def __init__(
        self,
        config: str | Path = "routes.yaml",
        *,
        url: str | None = None,
        embedded: bool = True,
        allow_outside: bool = False,
        id_ttl: float | str = "1d",
    ) -> None:
        self._new_publisher: Callable[[], Publisher] = lambda: Publisher(
            config, url=url, embedded=embedded, allow_outside=allow_outside, id_ttl=id_ttl
        )
        self._new_publisher()  # raises for arguments that cannot be used
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        self._is_open = False
        _publishers.add(self)

    def open(self) -> None:
        """Read the configuration and connect; ``with`` does so. Raises what ``Publisher.open`` raises."""
        with self._lock:
            if self._is_open:
                raise SetupError("the publisher is open already")
            self._opened = self._open()
            self._is_open = True

    def close(self) -> None:
        """Close the connections; calls that are waiting in other threads end with an error.

        That is SetupError or RedisUnavailableError. Does nothing if it is not open.
        """
        with self._lock:
            opened, self._opened, self._is_open = self._opened, None, False
        if opened is not None:
            try:
                opened.call(Publisher.close)
            finally:
                opened.thread.stop()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def publish(  # noqa: PLR0913 - the facts of an event, by name
        self,
        stream: str,
        type: str,  # noqa: A002 - the name of the fact
        data: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        id: str | None = None,  # noqa: A002 - the name of the fact
        delay: float | str | None = None,
        key: str | None = None,
        traceparent: str | None = None,
        tracestate: str | None = None,
        validate: bool = False,
    ) -> str:
        """Publish one event, and return its id; see ``Publisher.publish``."""
        return self._current().call(
            lambda publisher: publisher.publish(
                stream, type, data, headers=headers, id=id, delay=delay, key=key,
                traceparent=traceparent, tracestate=tracestate, validate=validate,
            )
        )  # fmt: skip

    def publish_many(self, stream: str, events: Iterable[Event], *, validate: bool = False) -> list[str]:
        """Publish events in order, and return their ids; see ``Publisher.publish_many``."""
        events = list(events)  # a generator runs in the caller's thread
        return self._current().call(
            lambda publisher: publisher.publish_many(stream, events, validate=validate)
        )

    def _current(self) -> _Opened:
        """Return what this process has opened; a forked child opens it here."""
        opened = self._opened
        if opened is not None:
            return opened
        if PROCESS.is_copy:
            raise SetupError(
                "this process was forked from one that consumes, and cannot use Redis; start it with "
                'multiprocessing.get_context("spawn")'
            )
        with self._lock:
            if not self._is_open:
                raise SetupError("the publisher is not open; use `with SyncPublisher(...)`")
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> _Opened:
        opened = _Opened(LoopThread(), self._new_publisher())
        try:
            opened.call(Publisher.open)
        except BaseException:
            opened.thread.stop()
            raise
        return opened

    def _forget_parent(self) -> None:
        """In a forked child: leave the parent's connections alone, and open others at the next call."""
        if self._opened is not None:
            _of_parents.append(self._opened)
        self._opened = None
        self._lock = threading.Lock()  # a thread that does not exist here may have held it


_publishers: Final[weakref.WeakSet[SyncPublisher]] = weakref.WeakSet()
_of_parents: Final[list[_Opened]] = []
"""Kept forever: closing a loop of the parent would change the parent's epoll set."""


def _after_fork() -> None:
    for publisher in list(_publishers):
        publisher._forget_parent()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
