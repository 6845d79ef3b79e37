"""Old generations: each keeps its container until the last message that it decoded has ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from streamroute.errors import SetupError
from streamroute.services.generation import ContainerLimits, Generation
from streamroute.system.waiting import wait_for_event
from streamroute.text.counted import pluralize

log = logging.getLogger(__name__)

MAX_OLD: Final = 3
"""Old generations that may live: each keeps its routes and its container in memory."""
_FIRST_PAUSE: Final = 0.01  # seconds between checks whether a generation is still in use
_LONGEST_PAUSE: Final = 0.25

InFlight = Callable[[Generation], Mapping[str, int]]
"""Returns how many messages a generation has in flight, by stream; none of a stream that it has ended."""


class OldGenerations:
    """Generations that were replaced; each is freed, and its container closed, when nothing uses it."""

    def __init__(self, in_flight: InFlight, limits: ContainerLimits) -> None:
        self._in_flight = in_flight
        self._limits = limits
        self._freeing: dict[Generation, asyncio.Task[None]] = {}
        self._freed = asyncio.Event()
        self._stopped = asyncio.Event()

    def add(self, generation: Generation) -> None:
        """Free the generation when nothing uses it."""
        self._freeing[generation] = asyncio.create_task(self._free(generation))

    def names(self) -> list[tuple[str, int]]:
        """Return each old generation, oldest first, and how many of its messages are in flight.

        May be called from any thread.
        """
        return [(old.name, sum(self._in_flight(old).values())) for old in tuple(self._freeing)]

    async def wait_for_room(self) -> None:
        """Wait until one more generation may become old; log what the wait is for."""
        if len(self._freeing) >= MAX_OLD:
            log.warning(
                "the reload waits, since %d old generations are still in use: %s",
                *(len(self._freeing), "; ".join(map(self._describe, self._freeing))),
            )
        while len(self._freeing) >= MAX_OLD:
            self._freed.clear()
            await self._freed.wait()

    async def close(self) -> None:
        """Free all generations now, used or not, and wait until their containers are closed."""
        self._stopped.set()
        while self._freeing:
            await asyncio.wait([*self._freeing.values()])

    async def _free(self, generation: Generation) -> None:
        pause = _FIRST_PAUSE
        while self._in_flight(generation) and not await wait_for_event(self._stopped, pause):
            pause = min(2 * pause, _LONGEST_PAUSE)
        try:
            await self.close_unused(generation)
        finally:
            del self._freeing[generation]
            self._freed.set()

    async def close_unused(self, generation: Generation) -> None:
        """Close the container of a generation that nothing uses; an error is logged."""
        try:
            await generation.container.close(**self._limits._asdict())
        except SetupError as error:
            log.error("%s (generation %s)", error, generation.name)

    def _describe(self, generation: Generation) -> str:
        counts = self._in_flight(generation).items()
        streams = ", ".join(f"{pluralize(count, 'message')} of {stream}" for stream, count in counts)
        return f"{generation.name} ({streams})"
