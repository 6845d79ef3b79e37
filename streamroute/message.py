"""Message: the payload that handlers get, which also knows where it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamroute.values import Claim, Failure, Outcome

_new: Final = dict.__new__


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
        the entry's raw fields, bytes to bytes: what retries and dead letters are written from.
    ``fault``
        why the entry cannot be routed (it did not decode), or None.
    ``history``
        the earlier failures of its routes, oldest first.

    The rest is for the processor and its storage: where the entry is pending (``held_in``,
    ``entry_id``), since when it was surely ours (``fresh``, Redis time in ms), and ``outcomes``, the
    failures of its routes that one script will settle. ``outcomes`` is None where nobody collects them.
    ``claims`` are the keys of dedupe that it holds, by route, and ``deduplicator`` is who gives them;
    None where nobody can.
    """

    __slots__ = (
        "attempt",
        "claims",
        "deduplicator",
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
        deduplicator: object = None,
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
        self.deduplicator = deduplicator
        self.claims: dict[str, Claim] | None = None

    @property
    def fields(self) -> Mapping[bytes, bytes]:
        """Made of what the server sent (``raw``: names and values in turn) when somebody asks for it."""
        if isinstance(self.raw, list):
            self.raw = dict(zip(self.raw[::2], self.raw[1::2], strict=True))
        return self.raw

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are plain dicts: the facts of a delivery belong to this process alone."""
        return (dict, (dict(self),))


def first_delivery(
    payload: Mapping[str, Any],
    entry_id: str,
    raw: list[bytes],
    stream: str,
    group: str,
    fresh: int,
    deduplicator: object,
) -> Message:
    """A new entry whose outcomes are collected; the constructor would take five times as long."""
    message = _new(Message)
    message.update(payload)
    message.id = message.entry_id = entry_id
    message.stream = message.held_in = stream
    message.group = group
    message.deliveries = message.attempt = 1
    message.routes = message.fault = message.claims = None
    message.raw = raw
    message.history = ()
    message.fresh = fresh
    message.outcomes = []
    message.deduplicator = deduplicator
    return message
