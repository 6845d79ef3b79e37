"""What is known of one worker: from its lease, its pending entries, and its snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamroute.ops.status.times import EntryAge, iso_time

if TYPE_CHECKING:
    from streamroute.adapters.overview.group_overview import GroupOverview
    from streamroute.adapters.snapshots.worker_snapshot import RunningEntry


_MAX_AGE: Final = 15.0  # seconds: a worker that runs an entry writes a snapshot every ten at the latest
_MAX_IDLE_AGE: Final = 45.0  # seconds: an idle one does so every thirty


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One consumer of a group.

    ``alive``: it renews its lease. Of one that does not, others claim the pending entries; ``oldest`` is the
    oldest of those in the stream. ``pending`` counts the entries that Redis gives to it, of retries too.

    The rest is from its snapshot, which is ``snapshot_age`` seconds old (None: there is none, as of a worker
    of an earlier release). ``started`` is in ms since the epoch. It holds ``held`` entries, and runs
    ``running_count`` of them, some of which ``running`` names, the longest first. ``blocked``: for how many
    seconds its event loop has not responded (0: it responds).
    """

    consumer: str
    alive: bool
    pending: int = 0
    oldest: EntryAge | None = None
    generation: str = ""
    host: str = ""
    pid: int = 0
    started: int = 0
    concurrency: int = 0
    held: int = 0
    running_count: int = 0
    running: Sequence[RunningEntry] = ()
    blocked: float = 0.0
    snapshot_age: float | None = None

    @property
    def is_silent(self) -> bool:
        """Whether its snapshot is overdue: it has probably died, and its lease has not ended yet."""
        longest = _MAX_AGE if self.running_count else _MAX_IDLE_AGE
        return self.alive and self.snapshot_age is not None and self.snapshot_age > longest

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "consumer": self.consumer,
            "alive": self.alive,
            "silent": self.is_silent,
            "host": self.host,
            "pid": self.pid,
            "generation": self.generation,
            "started": iso_time(self.started),
            "pending": self.pending,
            "oldest": None if self.oldest is None else self.oldest.as_dict(),
            "concurrency": self.concurrency,
            "held": self.held,
            "running_count": self.running_count,
            "running": [running_object(entry) for entry in self.running],
            "blocked": round(self.blocked, 1),
            "snapshot_age": None if self.snapshot_age is None else round(self.snapshot_age, 1),
        }


def running_object(entry: RunningEntry) -> dict[str, Any]:
    """Return an entry that runs as an object for JSON; ``seconds`` is since when."""
    return {
        "id": entry.message_id,
        "entry": entry.entry_id,
        "is_retry": entry.is_retry,
        "route": entry.route,
        "seconds": round(entry.seconds, 1),
        "attempt": entry.attempt,
    }


def workers_of(overview: GroupOverview) -> tuple[WorkerStatus, ...]:
    """Return the live workers, then the consumers that left pending entries; by name."""
    left_behind = [name for name in overview.holding if name not in overview.alive]
    alive = [_alive(name, overview) for name in sorted(overview.alive)]
    return (*alive, *(_left_behind(name, overview) for name in sorted(left_behind)))


def _alive(name: str, overview: GroupOverview) -> WorkerStatus:
    holding, snapshot = overview.holding.get(name), overview.snapshots.get(name)
    pending = 0 if holding is None else holding.total
    generation = overview.generations.get(name, "")
    if snapshot is None:
        return WorkerStatus(name, alive=True, pending=pending, generation=generation)
    return WorkerStatus(
        name,
        alive=True,
        pending=pending,
        generation=snapshot.generation or generation,
        host=snapshot.host,
        pid=snapshot.pid,
        started=snapshot.started,
        concurrency=snapshot.concurrency,
        held=snapshot.held,
        running_count=snapshot.running_count,
        running=tuple(sorted(snapshot.running, key=lambda entry: -entry.seconds)),
        blocked=snapshot.silence,
        snapshot_age=max(0, overview.time - snapshot.at) / 1000,
    )


def _left_behind(name: str, overview: GroupOverview) -> WorkerStatus:
    holding = overview.holding[name]
    return WorkerStatus(
        name, alive=False, pending=holding.total, oldest=EntryAge.of(holding.oldest, overview.time)
    )
