"""What the processor needs of a storage: the protocol, and the optional capabilities.

A capability is found by its method's name on the storage's class, never by isinstance: a storage with
only ``create_group``, ``read_events`` and ``ack_event`` runs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, cast, runtime_checkable

from streamroute.message import Message
from streamroute.values import ClaimResult, KnownRoutes, Quotas, SettleResult


@runtime_checkable
class StreamStorageProtocol(Protocol):
    """A stream with consumer groups: in Redis, XGROUP, XREADGROUP, XACK and XAUTOCLAIM.

    The promise: an entry that was read stays pending, and will be claimed by someone, until it is acked.
    """

    async def create_group(self, stream_name: str, group_name: str) -> None:
        """Create the consumer group, and the stream where it is missing; harmless where both exist."""
        ...

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Up to ``count`` entries that no consumer of the group has had; empty where there are none."""
        ...

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        """Take the entry off the group's pending list: it is done."""
        ...

    async def claim_stale_events(
        self, stream_name: str, group_name: str, consumer_name: str, min_idle_time: int, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Take over up to ``count`` pending entries that were idle for ``min_idle_time`` milliseconds."""
        ...


class SupportsQuotas(Protocol):
    """Capability ``claim_within``: what was delivered before is claimed in bounded numbers.

    An entry that is left behind for a quota has not been delivered: its count stays as it was.
    """

    async def claim_within(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        min_idle_time: int,
        count: int,
        quotas: Quotas,
    ) -> ClaimResult:
        """As ``claim_stale_events``, of each delivery number no more than its quota."""
        ...


class SupportsAckMany(Protocol):
    """Capability ``ack_events``: many entries acked in one call."""

    async def ack_events(self, stream_name: str, group_name: str, message_ids: Sequence[str]) -> None:
        """Ack all of them."""
        ...


class SupportsSettle(Protocol):
    """Capability ``settle``: the outcomes of messages are written and the entries acked in one step.

    A storage with it hands out ``Message``s whose ``outcomes`` is a list. For each message the storage
    either writes every outcome and then acks, or does nothing.
    """

    async def settle(
        self, stream_name: str, group_name: str, consumer_name: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        """Settle messages by their ids; raises where the storage cannot be reached."""
        ...


class SupportsRelease(Protocol):
    """Capability ``release``: what was read and did not finish goes to another worker at once."""

    async def release(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        messages: Mapping[str, Message],
        *,
        started: bool,
    ) -> None:
        """End the lease of these entries; what was not ``started`` gets its delivery count back."""
        ...


class SupportsPromoteDue(Protocol):
    """Capability ``promote_due``: retries whose time has come are put where they will be read."""

    async def promote_due(self, stream_name: str, group_name: str) -> float | None:
        """Promote what is due; returns the seconds until the next one, or None where none waits."""
        ...


class SupportsInterrupt(Protocol):
    """Capability ``interrupt_read``: a read that waits can be ended without losing what is on its way."""

    def interrupt_read(self, stream_name: str, group_name: str, consumer_name: str) -> None:
        """Have a read in progress return as soon as no entry can be on its way to it."""
        ...


class SupportsCleanup(Protocol):
    """Capability ``clean_up``: delete what is no longer needed, and nothing else."""

    async def clean_up(self, stream_name: str, group_name: str, consumer_name: str) -> float:
        """Do one short step; return the seconds until the next one."""
        ...


class LeaseKeeper(Protocol):
    """Keeps what a consumer holds from being claimed, for as long as its event loop is alive."""

    async def open(self) -> None:
        """Start; raises nothing: while the storage is away, the leases run out."""
        ...

    async def close(self) -> None:
        """End; what is still held is claimed by others when its lease ends."""
        ...


class SupportsLeases(Protocol):
    """Capability ``lease_keeper``: an entry is not taken for a dead worker's because it takes long.

    Without it, a handler that runs longer than the lease has its entry run by another worker as well.
    """

    def lease_keeper(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        *,
        held: Callable[[], Mapping[str, Message]],
        lost: Callable[[Sequence[tuple[str, int]]], None],
        waiting: Callable[[], Collection[str]],
        known_routes: Callable[[], KnownRoutes],
    ) -> LeaseKeeper:
        """A keeper of what ``held()`` returns, by id; ``waiting()`` are the ids of what has not started.

        ``known_routes()`` is what this worker knows, which other workers may ask for. The three may be called
        from any thread. ``lost`` is called in the event loop, with the id and the delivery count of each
        entry that another worker has taken all the same, or that was given up.
        """
        ...


def acks_many(storage: object) -> SupportsAckMany | None:
    """The storage as one that acks many entries in one call, or None."""
    return cast("SupportsAckMany", storage) if has_method(storage, "ack_events") else None


def settles(storage: object) -> SupportsSettle | None:
    """The storage as one that settles outcomes, or None."""
    return cast("SupportsSettle", storage) if has_method(storage, "settle") else None


def releases(storage: object) -> SupportsRelease | None:
    """The storage as one that releases unfinished entries, or None."""
    return cast("SupportsRelease", storage) if has_method(storage, "release") else None


def promotes(storage: object) -> SupportsPromoteDue | None:
    """The storage as one that promotes due retries, or None."""
    return cast("SupportsPromoteDue", storage) if has_method(storage, "promote_due") else None


def interrupts_reads(storage: object) -> SupportsInterrupt | None:
    """The storage as one whose reads can be interrupted, or None."""
    return cast("SupportsInterrupt", storage) if has_method(storage, "interrupt_read") else None


def cleans_up(storage: object) -> SupportsCleanup | None:
    """The storage as one that cleans_up up, or None."""
    return cast("SupportsCleanup", storage) if has_method(storage, "clean_up") else None


def keeps_leases(storage: object) -> SupportsLeases | None:
    """The storage as one that keeps leases, or None."""
    return cast("SupportsLeases", storage) if has_method(storage, "lease_keeper") else None


def claims_within(storage: object) -> SupportsQuotas | None:
    """The storage as one that claims within quotas, or None."""
    return cast("SupportsQuotas", storage) if has_method(storage, "claim_within") else None


def claims(storage: object) -> bool:
    """Whether the storage can claim; one without leaves the entries of dead consumers pending."""
    return has_method(storage, "claim_stale_events")


def blocks(storage: object) -> bool:
    """Whether ``read_events`` waits on the server for entries (class attribute ``blocks = True``)."""
    return getattr(type(storage), "blocks", False) is True


def has_method(storage: object, method: str) -> bool:
    """Whether the storage's class has this method: an attribute that a mock makes up does not count."""
    return callable(getattr(type(storage), method, None))
