"""The places of a group's messages in Redis, read in one step and without the library under test."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from producer import GROUP, STREAM

if TYPE_CHECKING:
    from collections.abc import Iterator


def _keys(group: str) -> Iterator[str]:
    """Yield the group's keys other than the stream."""
    return (
        f"{{{STREAM}}}:{group}:{name}"
        for name in ("retry", "due", "delayed", "dead", "meta", "parked", "paused")
    )


RETRY, DUE, DELAYED, DEAD, META, PARKED, PAUSED = _keys(GROUP)
_MANY = 1_000_000


@dataclass(frozen=True, slots=True)
class Held:
    """A pending entry: its consumer, its idle time in ms, its delivery count."""

    consumer: str
    idle: int
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """Ids of messages by place. Scheduled and dead ones are (id, route).

    The route is "" if a message waits for a worker that knows its type; a dead letter's is None if no route
    failed.
    """

    undelivered: frozenset[str] = frozenset()
    pending: dict[str, Held] = field(default_factory=dict)
    scheduled: frozenset[tuple[str, str]] = frozenset()
    dead: tuple[tuple[str, str | None], ...] = ()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.undelivered or self.pending or self.scheduled)

    def holds(self, entry_id: str, route: str | None) -> bool:
        """Whether the route still has to handle this message, or it was dead-lettered for the route."""
        return (
            entry_id in self.undelivered
            or entry_id in self.pending
            or (entry_id, route) in self.scheduled
            or (entry_id, "") in self.scheduled
            or (entry_id, route) in self.dead
            or (entry_id, None) in self.dead
        )

    def __str__(self) -> str:
        return (
            f"{len(self.undelivered)} undelivered {sorted(self.undelivered)[:5]}, "
            f"{len(self.pending)} pending {sorted(self.pending)[:5]}, "
            f"{len(self.scheduled)} scheduled {sorted(self.scheduled)[:5]}"
        )


def read_state(client: Any, group: str = GROUP) -> GroupState:
    """Return the state at one moment. Raise what redis-py raises."""
    retry, _, delayed_key, dead_key, *_ = _keys(group)
    pipeline = client.pipeline(transaction=True)
    for stream in (STREAM, retry):
        pipeline.execute_command("XRANGE", stream, "-", "+")
        pipeline.execute_command("XINFO", "GROUPS", stream)
        pipeline.execute_command("XPENDING", stream, group, "-", "+", _MANY)
    pipeline.execute_command("HKEYS", delayed_key)
    pipeline.execute_command("HKEYS", f"{{{STREAM}}}:{group}:parked_entries")
    pipeline.execute_command("XRANGE", dead_key, "-", "+")
    entries, groups, pending, retries, retry_groups, retry_pending, delayed, parked, dead = map(
        _sound, pipeline.execute(raise_on_error=False)
    )
    still = {entry_id for entry_id, *_ in retry_pending} | _undelivered(retries, retry_groups, group)
    names = [_pairs(fields)[b"name"] for entry_id, fields in retries if entry_id in still]
    return GroupState(
        undelivered=frozenset(entry_id.decode() for entry_id in _undelivered(entries, groups, group)),
        pending={i.decode(): Held(owner.decode(), idle, times) for i, owner, idle, times in pending},
        scheduled=frozenset(
            pair for name in [*names, *delayed, *map(_unparked, parked)] for pair in _retry(name.decode())
        ),
        dead=tuple(_dead(_pairs(fields)) for _, fields in dead),
    )


def read_dead_letters(client: Any, group: str = GROUP) -> list[dict[str, Any]]:
    """Return each dead letter's record, without its message."""
    _, _, _, dead, *_ = _keys(group)
    return [json.loads(_pairs(fields)[b"_streamroute"]) for _, fields in client.xrange(dead)]


def read_letters(client: Any) -> list[dict[str, bytes]]:
    """Return the fields of each dead letter."""
    letters = client.execute_command("XRANGE", DEAD, "-", "+")
    return [{name.decode(): value for name, value in _pairs(fields).items()} for _, fields in letters]


def order(entry_id: bytes | str) -> tuple[int, int]:
    """Return an id as numbers, ordered like the entries."""
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    milliseconds, _, sequence = text.partition("-")
    return int(milliseconds), int(sequence or 0)


def _undelivered(entries: list[Any], groups: list[Any], name: str) -> set[bytes]:
    """Return the ids that the group has not read; all of them if the group does not exist."""
    facts = (_pairs(group) for group in groups)
    last = next((f[b"last-delivered-id"] for f in facts if f[b"name"] == name.encode()), b"0-0")
    return {entry_id for entry_id, _ in entries if order(entry_id) > order(last)}


def _sound(reply: Any) -> Any:
    """Return a reply; an empty one if the key or the group does not exist."""
    if isinstance(reply, ResponseError):
        if "no such key" in str(reply) or str(reply).startswith("NOGROUP"):
            return []
        raise reply
    return reply


def _pairs(flat: list[Any]) -> dict[Any, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _retry(name: str) -> list[tuple[str, str]]:
    """Parse a retry's name: its origin's id, its routes, and its attempt."""
    entry_id, routes, _ = name.split("|")
    return [(entry_id, route) for route in routes.split(",")]


def _unparked(name: bytes) -> bytes:
    """Return the name of a parked retry: it follows the route and the position, which has no bar."""
    return name.split(b"|", 2)[2]


def _dead(fields: dict[bytes, bytes]) -> tuple[str, str | None]:
    facts = json.loads(fields[b"_streamroute"])
    return facts["id"], facts["route"]
