"""Message: the payload that handlers get, which also knows where it came from."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from streamroute.values import DedupeLock, Failure, Outcome

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
    ``decode_error``
        why the entry cannot be routed (it did not decode), or None.
    ``history``
        the earlier failures of its routes, oldest first.

    The rest belongs to the processor and its storage: where the entry is pending (``pending_key``,
    ``entry_id``), when its lease was last confirmed (``lease_confirmed_at``, Redis time in ms), and
    ``outcomes``, the failures of its routes that one script settles (None: nobody collects them).
    ``dedupe_locks`` are the dedupe keys that it holds, by route. ``coordinator`` grants them and knows the
    other workers of the group (None: nobody does). ``accepted`` says that the filters of its ``routes``
    have accepted it before, ``unknown_since`` since when no live worker knows them (Redis time in ms;
    0: one does).
    """

    __slots__ = (
        "accepted",
        "attempt",
        "coordinator",
        "decode_error",
        "dedupe_locks",
        "deliveries",
        "entry_id",
        "group",
        "history",
        "id",
        "lease_confirmed_at",
        "outcomes",
        "pending_key",
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
        decode_error: str | None = None,
        history: Sequence[Failure] = (),
        pending_key: str = "",
        entry_id: str = "",
        lease_confirmed_at: int = 0,
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
        self.decode_error = decode_error
        self.history = history
        self.pending_key = pending_key or stream
        self.entry_id = entry_id or id
        # Written by the heartbeat's thread as well: it only says from when on no other consumer can have
        # claimed the entry, and a fence that is too early looks the entry up. All else is the event loop's.
        self.lease_confirmed_at = lease_confirmed_at
        self.outcomes = outcomes
        self.coordinator = coordinator
        self.accepted = accepted
        self.unknown_since = unknown_since
        self.dedupe_locks: dict[str, DedupeLock] | None = None

    @property
    def fields(self) -> Mapping[bytes, bytes]:
        """Built from ``raw`` (names and values in turn) at the first access.

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
    lease_confirmed_at: int,
    coordinator: object,
) -> Message:
    """A new entry whose outcomes are collected; the constructor would take five times as long."""
    message = _new(Message)
    message.update(payload)
    message.id = message.entry_id = entry_id
    message.stream = message.pending_key = stream
    message.group = group
    message.deliveries = message.attempt = 1
    message.routes = message.decode_error = message.dedupe_locks = None
    message.accepted = False
    message.unknown_since = 0
    message.raw = raw
    message.history = ()
    message.lease_confirmed_at = lease_confirmed_at
    message.outcomes = []
    message.coordinator = coordinator
    return message


def copy_for_route(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload for one of several routes: what its handler changes is seen by no other route.

    Of a ``Message``, the copy is a delivery of the same entry: outcomes and claims are shared.
    """
    if not isinstance(payload, Message):
        copied: dict[str, Any] = unshared_copy(payload)
        return copied
    if payload.dedupe_locks is None:
        payload.dedupe_locks = {}
    message = _new(type(payload))
    message.update(unshared_copy(dict(payload)))
    for name in Message.__slots__:
        setattr(message, name, getattr(payload, name))
    return message


def unshared_copy(value: Any) -> Any:
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
