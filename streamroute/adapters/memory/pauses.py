"""The pauses of one group in memory: what is paused, the parked messages, and the circuits of routes.

The rules are those of ``pauses/sync.lua``; the workers of the group learn of a change at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from streamroute.adapters.entries.parked_names import parked_name
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.adapters.memory.stream import MemoryStream
from streamroute.pauses import Circuit, PauseGate, PauseView

_LOST_PROBE: Final = 60.0  # seconds after which a probe counts as lost, at least


@dataclass(slots=True)
class MemoryPause:
    """A pause until ``until`` (None: until it is resumed); a circuit's lasts ``lasts`` seconds each time.

    ``probe`` is since when a message tries the route of a circuit (None: none does).
    """

    until: float | None = None
    lasts: float | None = None
    probe: float | None = None

    @property
    def is_circuit(self) -> bool:
        """Whether a circuit paused the route."""
        return self.lasts is not None


class MemoryPauses:
    """The pauses of a group; ``retry`` is its retry stream, to which parked messages return."""

    def __init__(self, clock: Callable[[], float], retry: MemoryStream, wake: Callable[[], None]) -> None:
        self.gates: list[PauseGate] = []
        self.paused: dict[str, MemoryPause] = {}
        self._clock = clock
        self._retry = retry
        self._wake = wake
        self._parked: dict[str, tuple[str, RetryRecord]] = {}
        self._failures: defaultdict[str, list[float]] = defaultdict(list)
        self._returned: defaultdict[str, set[str]] = defaultdict(set)

    @property
    def is_stream_paused(self) -> bool:
        """Whether the whole stream is paused: nothing of it is read or claimed."""
        return "" in self.paused

    def pause(self, route: str, seconds: float | None) -> None:
        """Pause a route, or with an empty name the stream, for ``seconds`` (None: until it is resumed)."""
        self.paused[route] = MemoryPause(None if seconds is None else self._clock() + seconds)
        self.sync()

    def resume(self, route: str) -> None:
        """End the pause of a route, or with an empty name of the stream."""
        self.paused.pop(route, None)
        self.sync()

    def park(self, record: RetryRecord) -> None:
        """Keep a message until the pause of its route ends; does nothing if it is parked already."""
        name = parked_name(record.parked_for, record.id, record.name)
        self._parked.setdefault(name, (record.parked_for, record))

    def holds(self, retry: str) -> bool:
        """Whether a retry of this name is parked."""
        return any(record.name == retry for _, record in self._parked.values())

    def parked(self) -> Mapping[str, int]:
        """Return the numbers of parked messages by route."""
        counts: defaultdict[str, int] = defaultdict(int)
        for route, _ in self._parked.values():
            counts[route] += 1
        return dict(counts)

    def next_change(self) -> float | None:
        """Return when the next pause ends, or a circuit tries its route, by the clock."""
        now = self._clock()
        return min(
            (pause.until for pause in self.paused.values() if pause.until and pause.until > now), default=None
        )

    def sync(self) -> None:
        """Count what the gates noted, end pauses whose time is over, and let parked messages return."""
        for gate in self.gates:
            while gate.counted:
                self._count(gate.counted.popleft(), gate.circuits)
            while gate.probes:
                self._end_probe(*gate.probes.popleft())
        for route, pause in list(self.paused.items()):
            self._pass_time(route, pause)
        for name in sorted(self._parked):
            if self._parked[name][0] not in self.paused:
                self._return(name)
        for gate in self.gates:
            view = self._view(keeps_order=gate.keeps_order)
            if view != gate.view:
                gate.apply(view)
                self._wake()

    def _count(self, route: str, circuits: Mapping[str, Circuit]) -> None:
        circuit, now = circuits.get(route), self._clock()
        if circuit is None:
            return
        recent = [at for at in self._failures[route] if at > now - circuit.within] + [now]
        self._failures[route] = recent
        if len(recent) >= circuit.failures:
            del self._failures[route]
            self.paused.setdefault(route, MemoryPause(now + circuit.pause, circuit.pause))

    def _end_probe(self, route: str, result: str) -> None:
        pause = self.paused.get(route)
        if pause is None or pause.lasts is None or pause.probe is None:
            return
        pause.probe = None
        if result == "closed":
            del self.paused[route]
        elif result == "open":
            pause.until = self._clock() + pause.lasts

    def _pass_time(self, route: str, pause: MemoryPause) -> None:
        """End a pause whose time is over; a circuit lets one message through instead."""
        now = self._clock()
        if pause.until is None or pause.until > now:
            return
        if pause.lasts is None:
            del self.paused[route]
        elif pause.probe is None or now >= pause.probe + max(pause.lasts, _LOST_PROBE):
            first = next((name for name in sorted(self._parked) if self._parked[name][0] == route), None)
            if first is not None:
                self._return(first, {b"probe": b"1"})
                pause.probe = now

    def _return(self, name: str, facts: Mapping[bytes, bytes] | None = None) -> None:
        route, record = self._parked.pop(name)
        entry_id = self._retry.add({b"entry": record.pack(), **(facts or {})}, self._clock())
        self._returned[route].add(entry_id)
        self._wake()

    def _view(self, *, keeps_order: bool) -> PauseView:
        routes = frozenset(route for route in self.paused if route)
        for ids in self._returned.values():
            ids.intersection_update(self._retry.entries)
        returning = frozenset(route for route, ids in self._returned.items() if ids)
        return PauseView(
            stream="" in self.paused,
            routes=routes,
            circuits=frozenset(route for route in routes if self.paused[route].is_circuit),
            returning=returning - routes if keeps_order else frozenset(),
        )
