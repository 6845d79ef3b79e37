"""A group's overview: what Redis knows of its stream, retries, dead letters and workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streamroute.adapters.pauses.record import Pause
from streamroute.adapters.snapshots.worker_snapshot import WorkerSnapshot


@dataclass(frozen=True, slots=True)
class ConsumerHolding:
    """The pending entries of one consumer: in the stream, and in the group's retry stream.

    ``oldest`` is the id of its oldest entry that is pending in the stream; it is read only for consumers that
    are not alive (else empty).
    """

    entries: int = 0
    retries: int = 0
    oldest: str = ""

    @property
    def total(self) -> int:
        """All pending entries of the consumer."""
        return self.entries + self.retries


@dataclass(frozen=True, slots=True)
class GroupOverview:
    """The state of one group at ``time`` (Redis time in ms); None is what the server does not tell.

    ``exists``
        whether the stream has the group.
    ``length``
        entries in the stream, finished ones included.
    ``unread``, ``pending``
        entries that no worker has read yet; entries, also of retries, that a consumer holds.
    ``oldest``
        the id of the oldest pending entry (empty: none is).
    ``scheduled``, ``next_due``
        retries that wait for their time, and the earliest of these times (ms since the epoch); those that are
        due but not read yet are in ``due``.
    ``dead``, ``newest_dead``
        dead letters, and the id of the newest (empty: there is none).
    ``alive``
        the lease in ms of each live worker, by consumer.
    ``generations``, ``snapshots``
        what the live workers wrote about themselves, by consumer.
    ``holding``
        the pending entries by consumer; only consumers that have some.
    ``parked``, ``pauses``
        messages that wait for the end of a pause of their route; what is paused, by route (the whole stream:
        an empty name).
    ``damaged``
        keys and fields whose value cannot be read, and why.
    ``denied``
        the server's permission error for a part, or empty.
    """

    time: int
    exists: bool = False
    length: int | None = None
    unread: int | None = None
    pending: int | None = None
    oldest: str = ""
    scheduled: int | None = None
    due: int | None = None
    next_due: int | None = None
    dead: int | None = None
    newest_dead: str = ""
    alive: Mapping[str, int] = field(default_factory=dict)
    generations: Mapping[str, str] = field(default_factory=dict)
    snapshots: Mapping[str, WorkerSnapshot] = field(default_factory=dict)
    holding: Mapping[str, ConsumerHolding] = field(default_factory=dict)
    parked: int | None = None
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    damaged: Sequence[str] = ()
    denied: str = ""
