"""Message: the payload that handlers get, which also knows where it came from."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from streamroute.values import Claim, Failure, Outcome

_new: Final = dict.__new__
_IMMUTABLE: Final = frozenset({str, int, float, bool, bytes, type(None)})


class Message(dict[str, Any]):
    """A payload (a plain dict in every respect, equality included) with the facts of its delivery.

    ``id`` and ``stream``
        the entry as it was produced; a retry keeps them.
    ``group``
        the consumer group that it was read for.
    ``deliveries``
        how often this attempt was handed to a worker, crashes included (1 for the first).
    ``attempt``
        1 for the first run of its routes, one more for each retry.
    ``routes``
        the only routes that are to run (a retry), or None for every route that matches.
    ``fields``
        the entry's raw fields, bytes to bytes, read-only: what retries and dead letters are written from.
    ``fault``
        why the entry cannot be routed (it did not decode), or None.
    ``history``
        the earlier failures of its routes, oldest first.

    The rest is for the processor and its storage: where the entry is pending (``held_in``,
    ``entry_id``), since when it was surely ours (``fresh``, Redis time in ms), and ``outcomes``, the
    failures of its routes that one script will settle. ``outcomes`` is None where nobody collects them.
    ``claims`` are the keys of dedupe that it holds, by route. ``coordinator`` gives them, and knows the other
    workers of the group; None where nobody does. ``accepted`` says that the filters of its ``routes`` have
    said yes before, and ``unknown_since`` from when on no worker was found that knows them (Redis time in
    ms; 0: there was one).
    """

    __slots__ = (
        "accepted",
        "attempt",
        "claims",
        "coordinator",
        "deliveries",
        "entry_id",
        "fault",
        "fresh",
        "group",
        "held_in",
        "history",
        "id",
        "outcomes",
        "raw",
        "routes",
        "stream",
        "unknown_since",
    )

    def __init__(  # noqa: PLR0913 - a keyword for each fact of a delivery
        self,
        payload: Mapping[str, Any],
        *,
        id: str = "",  # noqa: A002 - the field's own term
        stream: str = "",
        group: str = "",
        deliveries: int = 1,
        attempt: int = 1,
        routes: frozenset[str] | None = None,
        fields: Mapping[bytes, bytes] | None = None,
        fault: str | None = None,
        history: Sequence[Failure] = (),
        held_in: str = "",
        entry_id: str = "",
        fresh: int = 0,
        outcomes: list[Outcome] | None = None,
        coordinator: object = None,
        accepted: bool = False,
        unknown_since: int = 0,
    ) -> None:
        super().__init__(payload)
        self.id = id
        self.stream = stream
        self.group = group
        self.deliveries = deliveries
        self.attempt = attempt
        self.routes = routes
        self.raw: Mapping[bytes, bytes] | list[bytes] = fields or {}
        self.fault = fault
        self.history = history
        self.held_in = held_in or stream
        self.entry_id = entry_id or id
        self.fresh = fresh
        self.outcomes = outcomes
        self.coordinator = coordinator
        self.accepted = accepted
        self.unknown_since = unknown_since
        self.claims: dict[str, Claim] | None = None

    @property
    def fields(self) -> Mapping[bytes, bytes]:
        """Made of what the server sent (``raw``: names and values in turn) when somebody asks for it.

        It can only be read: all routes of a message have the same one, its retries and dead letters too.
        """
        if isinstance(self.raw, list):
            self.raw = dict(zip(self.raw[::2], self.raw[1::2], strict=True))
        return MappingProxyType(self.raw)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are plain dicts: the facts of a delivery belong to this process alone."""
        return (dict, (dict(self),))


class ExpandingMessage(Message):
    """One whose payload is far larger when it is walked through than it is: a codec of the user's made it.

    Its entry's bytes say nothing of what evaluating an expression costs.
    """

    __slots__ = ()


def first_delivery(
    payload: Mapping[str, Any],
    entry_id: str,
    raw: list[bytes],
    stream: str,
    group: str,
    fresh: int,
    coordinator: object,
) -> Message:
    """A new entry whose outcomes are collected; the constructor would take five times as long."""
    message = _new(Message)
    message.update(payload)
    message.id = message.entry_id = entry_id
    message.stream = message.held_in = stream
    message.group = group
    message.deliveries = message.attempt = 1
    message.routes = message.fault = message.claims = None
    message.accepted = False
    message.unknown_since = 0
    message.raw = raw
    message.history = ()
    message.fresh = fresh
    message.outcomes = []
    message.coordinator = coordinator
    return message


def separate_copy(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload for one of several routes: what its handler changes is seen by no other route.

    Of a ``Message``, the copy is a delivery of the same entry: outcomes and claims are shared.
    """
    if not isinstance(payload, Message):
        copied: dict[str, Any] = separated(payload)
        return copied
    if payload.claims is None:
        payload.claims = {}
    message = _new(type(payload))
    message.update(separated(dict(payload)))
    for name in Message.__slots__:
        setattr(message, name, getattr(payload, name))
    return message


def separated(value: Any) -> Any:
    """A copy that shares no dict and no list with the value, however deep it is.

    What the value holds twice is held twice by the copy, and what contains itself does so there. What a
    codec of the user's own has made of other things is copied as Python copies it, and shared where it
    cannot be copied.
    """
    root: list[Any] = [None]
    copies: dict[int, Any] = {}  # by the identity of what was copied
    unfinished: list[tuple[Any, Any, Any]] = [(value, root, 0)]
    while unfinished:
        found, target, place = unfinished.pop()
        key = id(found)
        if key in copies:
            target[place] = copies[key]
            continue
        kind = type(found)
        if kind is dict:
            new: Any = found.copy()
            unfinished.extend([(item, new, at) for at, item in found.items() if type(item) not in _IMMUTABLE])
        elif kind is list:
            new = found[:]
            unfinished.extend(
                [(item, new, at) for at, item in enumerate(found) if type(item) not in _IMMUTABLE]
            )
        else:
            new = found if kind in _IMMUTABLE else _deep_copy(found, copies)
        copies[key] = target[place] = new
    return root[0]


def _deep_copy(value: Any, copies: dict[int, Any]) -> Any:
    """A copy as Python makes it, which notes what it copies; of one that fails, nothing stays noted."""
    known = len(copies)
    try:
        return copy.deepcopy(value, copies)
    except BaseException:  # noqa: BLE001 - an object of the user's may do anything when it is copied
        while len(copies) > known:
            copies.popitem()
        return value
