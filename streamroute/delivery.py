"""Delivery: what the consumer knows of one delivery of an entry, beside the payload of its message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from streamroute.payload_redaction import PayloadRedactor
from streamroute.trace_context import TraceContext
from streamroute.values import DedupeLock, Outcome


class DeliveryPipeline(Protocol):
    """The configuration that decoded an entry; its delivery is also handled and settled by it."""

    @property
    def generation(self) -> str:
        """Identifies the configuration in dead letters."""
        ...

    @property
    def redactor(self) -> PayloadRedactor:
        """Hides the fields of payloads that the configuration shows to nobody."""
        ...


class NamedRoute(Protocol):
    """A route as the dispatcher runs it."""

    @property
    def key(self) -> str:
        """Its name."""
        ...

    @property
    def formerly(self) -> frozenset[str]:
        """Its former names."""
        ...


class Unparked(NamedTuple):
    """Where a message returns from: the pause of ``route``.

    ``is_probe``: it shows whether a route that its circuit paused works again.
    """

    route: str
    is_probe: bool = False

    def is_of(self, route: NamedRoute) -> bool:
        """Whether the message returns to this route, under its name or a former one."""
        return self.route == route.key or self.route in route.formerly


@dataclass(slots=True, eq=False)
class Delivery:
    """One delivery of an entry to this consumer, settled once.

    All copies of a message share its delivery: what any of its routes adds is settled with the entry.

    ``entry_id``, ``pending_key``
        where the entry is pending: its id on the server, and the key of its stream (a retry: the group's
        retry stream).
    ``deliveries``
        how often this attempt was delivered to a worker, crashes included (1 for the first). The fence
        compares it: an entry that another worker has claimed has a higher count.
    ``lease_confirmed_at``
        when the lease was last confirmed (Redis time in ms), also written by the heartbeat thread. It is the
        time since which no other consumer can have claimed the entry; if it is too early, the fence looks the
        entry up. Only the event loop writes the other fields.
    ``outcomes``
        the failures of the routes, which one script settles (None: not collected, the dispatcher raises).
    ``coordinator``
        grants dedupe locks and knows the other workers of the group (None: there is none).
    ``pipeline``
        what decoded the entry. A new configuration has a new pipeline, but each delivery ends on its own
        (None: the payload is not from a storage that stamps it).
    ``unknown_since``
        the time since which no live worker knows the routes (Redis time in ms; 0: one does).
    ``dedupe_locks``
        the dedupe keys that the message holds, by route (None: none so far).
    ``trace``
        the trace context of the span in which the entry is processed, of its last attempt if it is not traced
        here, or None: then the entry may have that of its producer.
    ``running_route``
        the route whose handler runs now, or ran last (None: none so far); other threads may read it.
    ``unparked``
        what a message that was parked returns from (None: it was not parked).
    """

    entry_id: str = ""
    pending_key: str = ""
    deliveries: int = 1
    lease_confirmed_at: int = 0
    outcomes: list[Outcome] | None = None
    coordinator: object = None
    pipeline: DeliveryPipeline | None = None
    unknown_since: int = 0
    dedupe_locks: dict[str, DedupeLock] | None = None
    trace: TraceContext | None = None
    running_route: str | None = None
    unparked: Unparked | None = None

    @property
    def generation(self) -> str:
        """The generation of the pipeline; empty without one."""
        return "" if self.pipeline is None else self.pipeline.generation

    @property
    def replay(self) -> str | None:
        """The id of the replay that runs an old entry again; None for every other delivery."""
        return None


@dataclass(slots=True, eq=False)
class ReplayDelivery(Delivery):
    """The delivery of an old entry that a replay runs again, with the id of that replay.

    It is a class of its own, so that no other delivery pays for the attribute.
    """

    replay: str | None = None
