"""The storage protocol that the processor requires, and optional capabilities.

A capability is detected by a method name on the storage's class, not by isinstance: a storage with only
``create_group``, ``read_events`` and ``ack_event`` works.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, cast, runtime_checkable

from streamroute.delivery import Delivery
from streamroute.message import Message
from streamroute.pauses import PauseGate
from streamroute.values import ClaimResult, KnownRoutes, Quotas, SettleResult, SkippedEntries


@runtime_checkable
class StreamStorageProtocol(Protocol):
    """A stream with consumer groups: in Redis, XGROUP, XREADGROUP, XACK and XAUTOCLAIM.

    The promise: an entry that was read stays pending, and can be claimed, until it is acked.
    """

    async def create_group(self, stream_name: str, group_name: str) -> None:
        """Create the consumer group and the stream if they are missing."""
        ...

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Return up to ``count`` entries that were never delivered to the group; empty if there are none."""
        ...

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        """Remove the entry from the group's pending entries list."""
        ...

    async def claim_stale_events(
        self, stream_name: str, group_name: str, consumer_name: str, min_idle_time: int, count: int
    ) -> list[tuple[str, dict[str, Any]]]:
        """Claim up to ``count`` pending entries that were idle for ``min_idle_time`` milliseconds."""
        ...


class SupportsQuotas(Protocol):
    """Capability ``claim_within``: limit how many redelivered entries are claimed.

    An entry that is not claimed because of a quota keeps its delivery count.
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
        """Claim like ``claim_stale_events``, but for each delivery number no more entries than its quota."""
        ...


class SupportsAckMany(Protocol):
    """Capability ``ack_events``: ack many entries in one call."""

    async def ack_events(self, stream_name: str, group_name: str, message_ids: Sequence[str]) -> None:
        """Ack all entries."""
        ...


class SupportsSettle(Protocol):
    """Capability ``settle``: write the outcomes of messages and ack their entries in one step.

    Such a storage returns ``Message`` payloads whose ``delivery.outcomes`` is a list. For each message it
    either writes every outcome and then acks, or does nothing.
    """

    async def settle(
        self, stream_name: str, group_name: str, consumer_name: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        """Settle messages, given by id; raise if the storage is unreachable."""
        ...


class SkipSink(Protocol):
    """What acknowledges the entries that a storage skips."""

    @property
    def is_open(self) -> bool:
        """Whether entries that are read now may be skipped."""
        ...

    def skip(self, entries: SkippedEntries) -> None:
        """Acknowledge entries soon; called in the step of the event loop in which they were read."""
        ...


class SupportsSkips(Protocol):
    """Capability ``skip_into``: leave out new entries that no route takes, instead of returning them."""

    def skip_into(self, stream_name: str, group_name: str, consumer_name: str, sink: SkipSink) -> None:
        """Pass the entries of this consumer that may be skipped to ``sink`` from now on."""
        ...

    async def ack_skipped(
        self, stream_name: str, group_name: str, consumer_name: str, skipped: Sequence[SkippedEntries]
    ) -> None:
        """Ack those entries that this consumer still holds; raise if the storage is unreachable."""
        ...


class SupportsRelease(Protocol):
    """Capability ``release``: hand unfinished entries to other workers at once."""

    async def release(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        messages: Mapping[str, Message],
        *,
        started: bool,
    ) -> None:
        """End the lease of these entries; if not ``started``, restore their delivery count."""
        ...


class SupportsPromoteDue(Protocol):
    """Capability ``promote_due``: move due retries to where they will be read."""

    async def promote_due(self, stream_name: str, group_name: str) -> float | None:
        """Promote due retries; return the seconds until the next one, or None if none waits."""
        ...


class SupportsInterrupt(Protocol):
    """Capability ``interrupt_read``: end a blocking read without losing entries in transit."""

    def interrupt_read(self, stream_name: str, group_name: str, consumer_name: str) -> None:
        """Make a read in progress return as soon as no entry can be in transit to it."""
        ...


class SupportsCleanup(Protocol):
    """Capability ``clean_up``: delete data that is no longer needed, and nothing else."""

    async def clean_up(self, stream_name: str, group_name: str, consumer_name: str) -> float:
        """Run one short step; return the seconds until the next one."""
        ...


class LeaseKeeper(Protocol):
    """Renews the leases of a consumer's held entries while its event loop is alive."""

    async def open(self) -> None:
        """Start; never raises: while the storage is unreachable, leases expire."""
        ...

    async def close(self) -> None:
        """Stop; other workers claim entries that are still held when their lease ends."""
        ...


class SupportsLeases(Protocol):
    """Capability ``lease_keeper``: keep other workers from claiming entries of slow handlers.

    Without it, the entry of a handler that runs longer than the lease also runs on another worker.
    """

    def lease_keeper(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        *,
        held: Callable[[], Mapping[str, Delivery]],
        lost: Callable[[Sequence[tuple[str, int]]], None],
        waiting: Callable[[], Collection[str]],
        known_routes: Callable[[], KnownRoutes],
    ) -> LeaseKeeper:
        """Return a keeper of the leases of ``held()``, by id; ``waiting()`` are the ids of unstarted entries.

        ``known_routes()`` are the routes of this worker, which are published to other workers. The three may
        be called from any thread. ``lost`` is called in the event loop, with the id and the delivery count of
        each entry that another worker has claimed anyway, or that was given up.
        """
        ...


class SupportsPauses(Protocol):
    """Capability ``pause_gate``: pause a stream or routes of it, and park the messages of those."""

    def pause_gate(self, stream_name: str, group_name: str) -> PauseGate:
        """Return the gate, which the storage keeps up to date while it is consumed."""
        ...


def acks_many(storage: object) -> SupportsAckMany | None:
    """Return the storage if it acks many entries in one call, or None."""
    return cast("SupportsAckMany", storage) if has_method(storage, "ack_events") else None


def settles(storage: object) -> SupportsSettle | None:
    """Return the storage if it settles outcomes, or None."""
    return cast("SupportsSettle", storage) if has_method(storage, "settle") else None


def skips(storage: object) -> SupportsSkips | None:
    """Return the storage if it skips entries, or None."""
    return cast("SupportsSkips", storage) if has_method(storage, "skip_into") else None


def releases(storage: object) -> SupportsRelease | None:
    """Return the storage if it releases unfinished entries, or None."""
    return cast("SupportsRelease", storage) if has_method(storage, "release") else None


def promotes(storage: object) -> SupportsPromoteDue | None:
    """Return the storage if it promotes due retries, or None."""
    return cast("SupportsPromoteDue", storage) if has_method(storage, "promote_due") else None


def interrupts_reads(storage: object) -> SupportsInterrupt | None:
    """Return the storage if its reads can be interrupted, or None."""
    return cast("SupportsInterrupt", storage) if has_method(storage, "interrupt_read") else None


def cleans_up(storage: object) -> SupportsCleanup | None:
    """Return the storage if it cleans up, or None."""
    return cast("SupportsCleanup", storage) if has_method(storage, "clean_up") else None


def keeps_leases(storage: object) -> SupportsLeases | None:
    """Return the storage if it keeps leases, or None."""
    return cast("SupportsLeases", storage) if has_method(storage, "lease_keeper") else None


def claims_within(storage: object) -> SupportsQuotas | None:
    """Return the storage if it claims within quotas, or None."""
    return cast("SupportsQuotas", storage) if has_method(storage, "claim_within") else None


def pauses(storage: object) -> SupportsPauses | None:
    """Return the storage if it pauses, or None."""
    return cast("SupportsPauses", storage) if has_method(storage, "pause_gate") else None


def claims(storage: object) -> bool:
    """Whether the storage can claim; otherwise the entries of dead consumers stay pending."""
    return has_method(storage, "claim_stale_events")


def blocks(storage: object) -> bool:
    """Whether ``read_events`` blocks on the server (class attribute ``blocks = True``)."""
    return getattr(type(storage), "blocks", False) is True


def has_method(storage: object, method: str) -> bool:
    """Whether the storage's class has this method; attributes that a mock creates do not count."""
    return callable(getattr(type(storage), method, None))
