"""The keys that streamroute keeps in Redis, apart from the streams themselves.

All keys of a stream share its cluster slot: a name with a hash tag gets a suffix, any other name becomes
the hash tag (``bot_events`` -> ``{bot_events}:notifications:retry``).
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Iterable
from typing import Final, NamedTuple

RELEASED: Final = "streamroute:released"
"""The consumer that holds released entries, until any worker's next claim."""

_SLOTS: Final = 16384


def has_hash_tag(name: str) -> bool:
    """Whether the key has a hash tag (a non-empty ``{...}``), the only part that Redis Cluster hashes."""
    start = name.find("{")
    return start >= 0 and name.find("}", start + 1) > start + 1


def hash_tag(name: str) -> str:
    """Return the part of a key that determines its cluster slot."""
    if not has_hash_tag(name):
        return name
    start = name.index("{")
    return name[start + 1 : name.index("}", start)]


def slot(key: str) -> int:
    """Return the cluster slot of a key.

    Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
    """
    return crc_hqx(hash_tag(key).encode(), 0) % _SLOTS


def keys_in_other_slots(stream: str, keys: Iterable[str]) -> list[str]:
    """Return the keys that are in a different cluster slot than the stream."""
    return [key for key in keys if slot(key) != slot(stream)]


def base(stream: str) -> str:
    """Return the prefix of the keys that belong to ``stream``."""
    return stream if has_hash_tag(stream) else f"{{{stream}}}"


class GroupKeys(NamedTuple):
    """The keys of one consumer group of one stream."""

    prefix: str
    stream: str
    retry: str
    due: str
    delayed: str
    dead: str
    meta: str
    workers: str
    routes: str
    generations: str
    audit: str
    jobs: str
    stats: str
    failures: str
    watched: str
    outcomes: str

    @classmethod
    def of(cls, stream: str, group: str, dead: str | None = None) -> GroupKeys:
        """Return the keys of a group.

        ``retry`` is a stream, ``due`` a sorted set of retries by due time (Redis time), ``delayed`` a hash of
        their records, ``workers`` a hash of the live consumers, ``routes`` a hash of the routes they know,
        ``generations`` a hash of the configurations they run, ``audit`` a stream of what operators did,
        ``jobs`` a hash of paced jobs by id, ``stats`` a hash of the snapshots of the live consumers (JSON),
        ``failures`` a hash of the groups of dead letters by signature (JSON), ``watched`` a string that
        exists while somebody watches outcomes, and ``outcomes`` a short stream of them (JSON) for watchers.
        """
        prefix = f"{base(stream)}:{group}"
        return cls(
            prefix=prefix,
            stream=stream,
            retry=f"{prefix}:retry",
            due=f"{prefix}:due",
            delayed=f"{prefix}:delayed",
            dead=dead or f"{prefix}:dead",
            meta=f"{prefix}:meta",
            workers=f"{prefix}:workers",
            routes=f"{prefix}:routes",
            generations=f"{prefix}:generations",
            audit=f"{prefix}:audit",
            jobs=f"{prefix}:jobs",
            stats=f"{prefix}:stats",
            failures=f"{prefix}:failures",
            watched=f"{prefix}:watched",
            outcomes=f"{prefix}:outcomes",
        )

    @property
    def imported(self) -> str:
        """A hash of the dead letters that were imported: their ids in the export -> their ids here."""
        return f"{self.prefix}:imported"

    def dedupe(self, route: str, digest: str) -> str:
        """Return the key (a string) that names the message a route has run, or runs, for a dedupe value."""
        return f"{self.prefix}:dedupe:{route}:{digest}"


class PauseKeys(NamedTuple):
    """The keys of what is paused in one consumer group of one stream; all of them may be missing.

    ``paused`` is a hash of routes (empty: the whole stream) to pauses, ``parked`` a sorted set of parked
    messages by route and id, ``parked_entries`` a hash of their records. ``circuits`` is a hash of what the
    circuits of routes counted, and of the last entry that returned to each route in order.
    """

    paused: str
    parked: str
    parked_entries: str
    circuits: str

    @classmethod
    def of(cls, keys: GroupKeys) -> PauseKeys:
        """Return the keys beside those of a group."""
        return cls(
            paused=f"{keys.prefix}:paused",
            parked=f"{keys.prefix}:parked",
            parked_entries=f"{keys.prefix}:parked_entries",
            circuits=f"{keys.prefix}:circuits",
        )


class ReinjectKeys(NamedTuple):
    """The keys of entries that return to the stream itself, where every group reads them again."""

    stream: str
    due: str
    delayed: str
    secret: str

    @classmethod
    def of(cls, stream: str) -> ReinjectKeys:
        """Return the keys of a stream.

        ``due`` is a sorted set of retries by due time (Redis time), ``delayed`` a hash of their records,
        ``secret`` a string that authenticates retries.
        """
        prefix = f"{base(stream)}:returning"
        return cls(stream=stream, due=f"{prefix}:due", delayed=prefix, secret=f"{prefix}:secret")


class PublishKeys(NamedTuple):
    """The keys that publishing to a stream uses, apart from the stream.

    ``due`` and ``delayed`` are those of ``ReinjectKeys``: delayed events are kept there until they are added
    to the stream.
    """

    stream: str
    due: str
    delayed: str

    @classmethod
    def of(cls, stream: str) -> PublishKeys:
        """Return the keys of a stream."""
        returning = ReinjectKeys.of(stream)
        return cls(stream, returning.due, returning.delayed)

    def published(self, event_id: str) -> str:
        """Return the key (a string with a time to live) of what an event with this id was published as."""
        return f"{base(self.stream)}:published:{event_id}"
