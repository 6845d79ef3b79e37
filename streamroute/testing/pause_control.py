"""Pauses routes and streams of a test app, and tells what is paused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from streamroute.testing.waiting_messages import memory_storage

if TYPE_CHECKING:
    from streamroute.adapters.memory.pauses import MemoryPauses
    from streamroute.compiler.compiled import Compiled
    from streamroute.services.service import Service


class PauseControl:
    """The pauses of the groups that consume the streams of ``services``."""

    def __init__(self, compiled: Compiled, services: Mapping[str, Service]) -> None:
        self._streams = {route.config.name: route.config.streams for route in compiled.routes}
        self._services = services

    def pause(self, route: str, seconds: float | None) -> None:
        """Pause a route in all of its streams, for ``seconds`` (None: until it is resumed)."""
        for pauses in self._of_route(route):
            pauses.pause(route, seconds)

    def resume(self, route: str) -> None:
        """End the pause of a route."""
        for pauses in self._of_route(route):
            pauses.resume(route)

    def pause_stream(self, stream: str, seconds: float | None) -> None:
        """Pause a whole stream, for ``seconds`` (None: until it is resumed)."""
        self._of_stream(stream).pause("", seconds)

    def resume_stream(self, stream: str) -> None:
        """End the pause of a whole stream."""
        self._of_stream(stream).resume("")

    @property
    def paused(self) -> frozenset[str]:
        """The routes that are paused."""
        return frozenset(
            route for stream in self._services for route in self._of_stream(stream).paused if route
        )

    @property
    def parked(self) -> dict[str, int]:
        """The numbers of parked messages, by route."""
        counts: Counter[str] = Counter()
        for stream in self._services:
            counts.update(self._of_stream(stream).parked())
        return dict(counts)

    def _of_route(self, route: str) -> list[MemoryPauses]:
        return [self._of_stream(stream) for stream in self._streams[route] if stream in self._services]

    def _of_stream(self, stream: str) -> MemoryPauses:
        service = self._services[stream]
        return memory_storage(service).pauses(stream, service.config.group)
