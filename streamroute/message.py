"""Message: the payload that handlers receive, with its metadata."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from streamroute.delivery import Delivery, DeliveryPipeline
from streamroute.values import Failure

_new: Final = dict.__new__
_IMMUTABLE: Final = frozenset({str, int, float, bool, bytes, type(None)})


class Message(dict[str, Any]):
    """A payload (a plain dict in every respect, equality included) with its metadata.

    ``id`` and ``stream``
        the original entry; a retry keeps them.
    ``group``
        the consumer group that read it.
    ``deliveries``
        how often this attempt was delivered to a worker, crashes included (1 for the first).
    ``attempt``
        1 for the first run of its routes, one more for each retry.
    ``routes``
        the routes to run (a retry), or None for every route that matches.
    ``fields``
        the entry's raw fields, bytes to bytes, read-only: retries and dead letters are written from them.
    ``decode_error``
        why the entry could not be decoded, or why its data is invalid; else None.
    ``history``
        the earlier failures of its routes, oldest first.
    ``replay``
        the id of the replay that runs this old entry again, else None.

    The other attributes belong to the processor and its storage. ``delivery`` is what they know of the entry
    (by default, an entry with this id that is pending in ``stream``). ``accepted``: the filters of its
    ``routes`` accepted it on an earlier attempt.

    >>> async def welcome(payload):  # doctest: +SKIP
    ...     print(payload["guest"], payload.id, payload.attempt)
    """

    __slots__ = (
        "accepted",
        "attempt",
        "decode_error",
        "delivery",
        "group",
        "history",
        "id",
        "raw",
        "routes",
        "stream",
    )

    def __init__(  # noqa: PLR0913 - a keyword for each fact of a message
        self,
        payload: Mapping[str, Any],
        *,
        id: str = "",  # noqa: A002 - the field's own term
        stream: str = "",
        group: str = "",
        attempt: int = 1,
        routes: frozenset[str] | None = None,
        fields: Mapping[bytes, bytes] | None = None,
        decode_error: str | None = None,
        history: Sequence[Failure] = (),
        accepted: bool = False,
        delivery: Delivery | None = None,
    ) -> None:
        super().__init__(payload)
        self.id = id
        self.stream = stream
        self.group = group
        self.attempt = attempt
        self.routes = routes
        self.raw: Mapping[bytes, bytes] | list[bytes] = fields or {}
        self.decode_error = decode_error
        self.history = history
        self.accepted = accepted
        self.delivery = delivery = delivery or Delivery()
        delivery.entry_id = delivery.entry_id or id
        delivery.pending_key = delivery.pending_key or stream

    @property
    def deliveries(self) -> int:
        """How often this attempt was delivered to a worker, crashes included."""
        return self.delivery.deliveries

    @property
    def replay(self) -> str | None:
        """The id of the replay that runs this old entry again; None for every other message."""
        return self.delivery.replay

    @property
    def is_stored_retry(self) -> bool:
        """Whether the entry is pending in the group's retry stream, not in the stream itself."""
        return self.delivery.pending_key != self.stream

    @property
    def fields(self) -> Mapping[bytes, bytes]:
        """The raw fields, built from ``raw`` (alternating names and values) on first access.

        Read-only, since all routes of a message share it, as do its retries and dead letters.
        """
        if isinstance(self.raw, list):
            self.raw = dict(zip(self.raw[::2], self.raw[1::2], strict=True))
        return MappingProxyType(self.raw)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle as a plain dict: the metadata is valid in this process only."""
        return (dict, (dict(self),))


class _NewMessage(Message):
    """A message whose metadata ``first_deliveries`` sets: without a constructor in Python."""

    __slots__ = ()

    __init__ = dict.__init__


class _NewDelivery(Delivery):
    """A delivery whose fields ``first_deliveries`` sets, in the same way."""

    __slots__ = ()

    __init__ = object.__init__


class ExpandingMessage(Message):
    """A message whose payload, built by a user's codec, is far larger when traversed than in memory.

    The size of its entry is no measure of the cost of evaluating an expression.
    """

    __slots__ = ()


def first_deliveries(
    stream: str,
    group: str,
    lease_confirmed_at: int,
    coordinator: object,
    pipeline: DeliveryPipeline | None,
) -> Callable[[Mapping[str, Any], str, list[bytes]], Message]:
    """Return a function that makes the messages of the new entries of one read, with collected outcomes.

    It takes a payload, the entry's id and its raw fields, and is several times faster than the constructors.
    """

    def first_delivery(payload: Mapping[str, Any], entry_id: str, raw: list[bytes]) -> Message:
        delivery = _NewDelivery()
        message: Message = _NewMessage(payload)
        message.id = delivery.entry_id = entry_id
        message.stream = delivery.pending_key = stream
        message.group = group
        message.attempt = delivery.deliveries = 1
        message.routes = message.decode_error = delivery.dedupe_locks = None
        delivery.trace = delivery.running_route = None
        message.accepted = False
        message.raw = raw
        message.history = ()
        message.delivery = delivery
        delivery.lease_confirmed_at = lease_confirmed_at
        delivery.outcomes = []
        delivery.coordinator = coordinator
        delivery.pipeline = pipeline
        delivery.unknown_since = 0
        delivery.unparked = None
        return message

    return first_delivery


def entry_size(payload: Mapping[str, Any]) -> int:
    """Return the bytes of the names and values of a message's entry; 0 if unknown."""
    if not isinstance(payload, Message):
        return 0
    parts = payload.raw if isinstance(payload.raw, list) else [*payload.raw, *payload.raw.values()]
    return sum(map(len, parts))


def copy_for_route(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of the payload for one of several routes, so that no handler sees another's changes.

    The copy of a ``Message`` shares its delivery.
    """
    if not isinstance(payload, Message):
        copied: dict[str, Any] = unshared_copy(payload)
        return copied
    message = _new(type(payload))
    message.update(unshared_copy(dict(payload)))
    message.accepted = payload.accepted
    message.attempt = payload.attempt
    message.decode_error = payload.decode_error
    message.delivery = payload.delivery
    message.group = payload.group
    message.history = payload.history
    message.id = payload.id
    message.raw = payload.raw
    message.routes = payload.routes
    message.stream = payload.stream
    return message


def unshared_copy(value: Any) -> Any:
    """Return a copy that shares no dict or list with the value, at any depth.

    Shared and circular references are preserved. Other objects, built by a user's codec, are copied by
    ``copy.deepcopy``, or shared if that fails.
    """
    root: list[Any] = [None]
    copies: dict[int, Any] = {}  # by the id() of the original
    unfinished: list[tuple[Any, Any, Any]] = [(value, root, 0)]
    while unfinished:
        source, target, place = unfinished.pop()
        key = id(source)
        if key in copies:
            target[place] = copies[key]
            continue
        value_type = type(source)
        if value_type is dict:
            new: Any = source.copy()
            unfinished.extend(
                [(item, new, at) for at, item in source.items() if type(item) not in _IMMUTABLE]
            )
        elif value_type is list:
            new = source[:]
            unfinished.extend(
                [(item, new, at) for at, item in enumerate(source) if type(item) not in _IMMUTABLE]
            )
        else:
            new = source if value_type in _IMMUTABLE else _deep_copy(source, copies)
        copies[key] = target[place] = new
    return root[0]


def _deep_copy(value: Any, copies: dict[int, Any]) -> Any:
    """Return a deep copy, recorded in ``copies``; if copying fails, return the value and record nothing."""
    known = len(copies)
    try:
        return copy.deepcopy(value, copies)
    except BaseException:  # noqa: BLE001 - copying a user's object may raise anything
        while len(copies) > known:
            copies.popitem()
        return value
