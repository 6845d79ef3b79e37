"""The live workers of a group, and their routes and types.

Each worker's heartbeats renew its record, and store its routes and types once. Workers with different
configurations may share a group, as in a rolling deploy: a worker leaves messages without a route here to one
that has the route.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, Final

from redis.asyncio import Redis

from streamroute.adapters.groups.key_type_check import explain_wrong_types
from streamroute.adapters.redis.raw_client import send_each
from streamroute.adapters.redis.replies import attributes, milliseconds, text
from streamroute.keys import GroupKeys
from streamroute.values import KnownRoutes

MAX_LEASE: Final = 30 * 86_400_000
"""The longest valid lease (ms): a corrupt, longer one would block takeovers forever."""

_CLOCK_TOLERANCE: Final = 60_000  # ms
_DIGITS: Final = 15  # of a time in ms


def pack_known_routes(known: KnownRoutes) -> bytes:
    """Pack known routes and types for storage in Redis."""
    return json.dumps({"routes": sorted(known.routes), "types": sorted(known.types)}).encode()


def unpack_known_routes(value: Any) -> KnownRoutes:
    """Unpack known routes and types; empty if the value cannot be parsed."""
    try:
        packed: Mapping[str, list[str]] = json.loads(value)
        return KnownRoutes(frozenset(packed["routes"]), frozenset(packed["types"]))
    except (KeyError, TypeError, ValueError):
        return KnownRoutes()


def digest_of(known: KnownRoutes) -> str:
    """Return the digest of known routes and types; empty if there are none."""
    return sha1(pack_known_routes(known), usedforsecurity=False).hexdigest() if known.routes else ""


@dataclass(frozen=True, slots=True)
class GroupView:
    """The workers of a group at ``time`` (Redis time in ms); ``leases`` are in ms, by the worker's name.

    ``former_types`` are types of workers that have left recently.
    """

    time: int
    routes: frozenset[str]
    types: frozenset[str]
    former_types: frozenset[str]
    leases: Mapping[str, int]


class GroupWorkers:
    """Reads which workers of a group are alive, at most once in ``cached_for`` seconds."""

    def __init__(self, client: Redis, keys: GroupKeys, *, cached_for: float = 1.0) -> None:
        self._client = client
        self._keys = keys
        self._cached_for = cached_for
        self._lock = asyncio.Lock()
        self._until = 0.0
        self._view = GroupView(0, frozenset(), frozenset(), frozenset(), {})
        self._listed_types: frozenset[str] = frozenset()

    async def view(self) -> GroupView:
        """Return the current view of the group's workers.

        Raises SetupError if one of the keys has the wrong type, and what redis-py raises.
        """
        if time.monotonic() >= self._until:
            async with self._lock:
                if time.monotonic() >= self._until:
                    self._view = await self._fetch()
                    self._listed_types = self._view.types | self._view.former_types
                    self._until = time.monotonic() + self._cached_for
        return self._view

    def listed_types(self) -> frozenset[str] | None:
        """Return the types of the current view; None if it has to be read again."""
        return self._listed_types if time.monotonic() < self._until else None

    async def _fetch(self) -> GroupView:
        keys = self._keys
        commands = [("TIME",), ("HGETALL", keys.workers), ("HGETALL", keys.routes)]
        async with explain_wrong_types(self._client, keys):
            answers = await send_each(self._client, commands)
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        now = milliseconds(answers[0])
        alive = live_workers(attributes(answers[1]), now)
        noted = {digest: unpack_known_routes(value) for digest, value in attributes(answers[2]).items()}
        used = {digest for _, digest in alive.values()}
        live = [published for digest, published in noted.items() if digest in used]
        types = frozenset[str]().union(*(published.types for published in live))
        return GroupView(
            time=now,
            routes=frozenset().union(*(published.routes for published in live)),
            types=types,
            former_types=frozenset[str]().union(*(published.types for published in noted.values())) - types,
            leases={name: lease for name, (lease, _) in alive.items()},
        )


def live_workers(workers: Mapping[str, Any], now: int) -> dict[str, tuple[int, str]]:
    """Return the lease (ms) and the digest of each worker that is alive at ``now`` (Redis time in ms).

    A worker whose record cannot be parsed or is implausible counts as dead.
    """
    alive = {}
    for name, note in workers.items():
        until, lease, digest = _split_note(note)
        if _is_alive(until, lease, now):
            alive[name] = (int(lease), digest)
    return alive


def _is_alive(until: str, lease: str, now: int) -> bool:
    """Whether a record has not expired and is plausible; the scripts use the same rule.

    A worker counts as alive for two leases after its last heartbeat. A clock that was set back adds up to two
    leases and a minute.
    """
    if not all(number.isdecimal() and len(number) <= _DIGITS for number in (until, lease)):
        return False
    return int(lease) <= MAX_LEASE and now < int(until) <= now + 4 * int(lease) + _CLOCK_TOLERANCE


def _split_note(note: Any) -> Sequence[str]:
    parts = text(note).split(" ")
    return parts if len(parts) == 3 else ("", "", "")
