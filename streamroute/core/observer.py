"""Observer: a callback for each outcome of a route, or a tally to which the caller adds instead."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final


class Result(StrEnum):
    """The outcome of a message at one route or, without a route, of the whole message."""

    SUCCEEDED = "succeeded"
    RETRIED = "retried"
    POSTPONED = "postponed"
    """The message waits for another one with the same dedupe key; the attempt does not count."""
    PARKED = "parked"
    """The message waits for the end of a pause of the route; the attempt does not count."""
    DEAD = "dead"
    FILTERED = "filtered"
    """The filter returned false. Routes skipped by an index (many routes of one type) are not reported."""
    SKIPPED = "skipped"
    """The route had already succeeded for another message with the same dedupe key."""
    UNKNOWN = "unknown"
    FAILED = "failed"
    """The route failed, and outcomes are not collected: the entry stays pending."""
    LOST = "lost"
    """Another worker claimed the entry while it was held here: it may run more than once."""
    SHADOW_MATCHED = "shadow_matched"
    """A shadow route would have run. This and the next three say nothing about the message's outcome."""
    SHADOW_NOT_MATCHED = "shadow_not_matched"
    SHADOW_FILTER_ERROR = "shadow_filter_error"
    SHADOW_TRANSFORM_ERROR = "shadow_transform_error"


Observer = Callable[[Mapping[str, Any], str | None, Result], None]
"""``(payload, route or None, result)``; called in the event loop, so it must be quick and must not raise."""


def ignore_result(payload: Mapping[str, Any], route: str | None, result: Result) -> None:
    """Default no-op observer."""


class ObserverSwitch:
    """An observer that calls ``target``, which may be exchanged at any time, from any thread.

    A caller for each message reads ``target`` first, which costs less than another call.
    """

    __slots__ = ("target",)

    def __init__(self, target: Observer) -> None:
        self.target = target

    def __call__(self, payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        """See ``Observer``."""
        self.target(payload, route, result)

    @classmethod
    def of(cls, observer: Observer) -> ObserverSwitch:
        """Return the observer itself if it is a switch, else a switch to it."""
        return observer if isinstance(observer, ObserverSwitch) else cls(observer)


class Tally:
    """The counts of one route and stream, to which a caller adds instead of calling the observer.

    Only for messages of ``stream`` on their first attempt that ``succeeded`` or were ``filtered``, and only
    while it ``is_open``. The event loop adds; other threads may read.
    """

    __slots__ = ("filtered", "is_open", "stream", "succeeded")

    def __init__(self, stream: str, *, is_open: bool = True) -> None:
        self.stream = stream
        self.is_open = is_open
        self.succeeded = 0
        self.filtered = 0


NO_TALLY: Final = Tally("", is_open=False)
"""Stands for a tally where none is offered: each outcome has to be observed."""


class OffersTallies(ABC):
    """Base class of what only counts outcomes, by a method ``observe``, and offers tallies."""

    __slots__ = ()

    @abstractmethod
    def tally(self, stream: str, route: str) -> Tally:
        """Return the tally of a route, or ``NO_TALLY``."""

    @property
    @abstractmethod
    def counts_alike(self) -> bool:
        """Whether it can count messages now that it does not see."""

    @abstractmethod
    def count_alike(
        self, stream: str, message_type: str, route: str | None, result: Result, count: int
    ) -> None:
        """Count first attempts of messages of one type with the same outcome, UNKNOWN or FILTERED."""


def tally_of(observer: Observer, stream: str, route: str) -> Tally:
    """Return the tally that an observer offers, or ``NO_TALLY``."""
    owner = getattr(observer, "__self__", None)
    return owner.tally(stream, route) if isinstance(owner, OffersTallies) else NO_TALLY


class IgnoresAlike(OffersTallies):
    """Counts nothing, for ``ignore_result``, which offers no tally."""

    __slots__ = ()

    def tally(self, stream: str, route: str) -> Tally:  # noqa: ARG002 - as every counter has it
        """See ``OffersTallies``."""
        return NO_TALLY

    @property
    def counts_alike(self) -> bool:
        """See ``OffersTallies``."""
        return True

    def count_alike(
        self, stream: str, message_type: str, route: str | None, result: Result, count: int
    ) -> None:
        """Count nothing."""


_IGNORES: Final = IgnoresAlike()


def alike_counter(observer: Observer) -> OffersTallies | None:
    """Return what counts messages that ``observer`` does not see; None if it has to be called with each."""
    owner = _IGNORES if observer is ignore_result else getattr(observer, "__self__", None)
    return owner if isinstance(owner, OffersTallies) and owner.counts_alike else None
