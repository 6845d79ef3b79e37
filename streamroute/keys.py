"""The names of everything that streamroute keeps in Redis, beside the streams themselves.

Every key of a stream shares its cluster slot: a name that holds a hash tag gets a suffix, any other
becomes the tag itself (``bot_events`` -> ``{bot_events}:notifications:retry``).
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Iterable
from typing import Final, NamedTuple

RELEASED: Final = "streamroute:released"
"""The consumer name that holds released entries: the next claim of any worker takes them."""

_SLOTS: Final = 16384


def has_hash_tag(name: str) -> bool:
    """Whether Redis Cluster hashes only a part of this key (a non-empty ``{...}``)."""
    start = name.find("{")
    return start >= 0 and name.find("}", start + 1) > start + 1


def hash_tag(name: str) -> str:
    """The part of a key that decides its cluster slot."""
    if not has_hash_tag(name):
        return name
    start = name.index("{")
    return name[start + 1 : name.index("}", start)]


def slot(key: str) -> int:
    """The slot of Redis Cluster that a key is in.

    Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
    """
    return crc_hqx(hash_tag(key).encode(), 0) % _SLOTS


def keys_in_other_slots(stream: str, keys: Iterable[str]) -> list[str]:
    """Return the keys that Redis Cluster keeps in another slot than the stream."""
    return [key for key in keys if slot(key) != slot(stream)]


def base(stream: str) -> str:
    """The prefix of the keys that belong to ``stream``."""
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

    @classmethod
    def of(cls, stream: str, group: str, dead: str | None = None) -> GroupKeys:
        """``retry`` is a stream, ``due`` a sorted set by Redis time, ``delayed`` the hash of what is due.

        ``workers`` is a hash of the consumers that are alive, ``routes`` one of the routes that they know.
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
        )

    def dedupe(self, route: str, digest: str) -> str:
        """The key (a string) that says which message a route has run, or runs, for a value."""
        return f"{self.prefix}:dedupe:{route}:{digest}"


class ReinjectKeys(NamedTuple):
    """The keys of what goes back into a stream itself, where every group reads it again."""

    stream: str
    due: str
    delayed: str
    secret: str

    @classmethod
    def of(cls, stream: str) -> ReinjectKeys:
        """``due`` is a sorted set by Redis time, ``delayed`` the hash of what is due.

        ``secret`` is a string, which proves that a retry is one.
        """
        prefix = f"{base(stream)}:returning"
        return cls(stream=stream, due=f"{prefix}:due", delayed=prefix, secret=f"{prefix}:secret")
