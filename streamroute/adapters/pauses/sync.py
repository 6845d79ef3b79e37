"""Exchanges what is paused between a worker and its group, and lets parked messages return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

from streamroute.adapters.pauses.record import Pause, parse_pause
from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import Argument, script
from streamroute.keys import GroupKeys, PauseKeys
from streamroute.pauses import Circuit

_BATCH: Final = 100  # parked messages that one step lets return
_MOST_WAITING: Final = 200  # entries of the retry stream up to which they return
_MAX_BYTES: Final = 8 * 1024 * 1024  # of one step


class CircuitEvent(NamedTuple):
    """What happened to a pause: ``opened``, ``probed``, ``closed``, ``reopened`` or ``ended``."""

    kind: str
    route: str


@dataclass(frozen=True, slots=True)
class SyncResult:
    """The state of a group at ``now`` (Redis time in ms).

    ``pauses`` are by route, the whole stream's by an empty name. ``parked`` are the numbers of parked
    messages by route, at most 201, and 0 for a route whose last ones are not settled yet (in a stream that
    keeps its order). ``damaged`` are the routes whose pause cannot be read; ``deleted`` the names of parked
    messages whose entry another program deleted, ``nameless`` the number of those whose name it deleted.
    """

    now: int = 0
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    parked: Mapping[str, int] = field(default_factory=dict)
    events: Sequence[CircuitEvent] = ()
    damaged: Sequence[str] = ()
    deleted: Sequence[str] = ()
    nameless: int = 0


async def sync_pauses(
    client: Redis,
    keys: GroupKeys,
    counted: Counter[str],
    circuits: Mapping[str, Circuit],
    probes: Sequence[tuple[str, str]],
    parks: Iterable[str],
    *,
    keeps_order: bool,
) -> SyncResult:
    """Tell the group about failures and probes, let parked messages return, and return what is paused.

    ``parks`` are the routes whose messages this worker still parks: it moves none of them.

    Raises what redis-py raises; a WRONGTYPE error names the key.
    """
    pauses = PauseKeys.of(keys)
    failures = [(route, circuits[route], count) for route, count in counted.items() if route in circuits]
    arguments: list[Argument] = [int(keeps_order), _BATCH, _MOST_WAITING, _MAX_BYTES, len(failures)]
    for route, circuit, count in failures:
        arguments += [route, circuit.failures, _ms(circuit.within), _ms(circuit.pause), count]
    arguments.append(len(probes))
    for route, result in probes:
        arguments += [route, result]
    arguments += parks
    reply = await script("pauses/sync").run(client, [*pauses, keys.retry], arguments)
    return _parsed(reply)


def _parsed(reply: Any) -> SyncResult:
    now, stored, parked, events, deleted, nameless = reply
    by_route = {text(route): parse_pause(packed) for route, packed in _pairs(stored)}
    return SyncResult(
        now=now,
        pauses={route: pause for route, pause in by_route.items() if pause is not None},
        parked={text(route): count for route, count in _pairs(parked)},
        events=[CircuitEvent(text(kind), text(route)) for kind, route in _pairs(events)],
        damaged=sorted(route for route, pause in by_route.items() if pause is None),
        deleted=[text(name) for name in deleted],
        nameless=nameless,
    )


def _pairs(parts: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    values = iter(parts)
    return zip(values, values, strict=True)


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))
