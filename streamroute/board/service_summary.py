"""What the list of services says about each of them, so that a person sees which one needs help."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamroute.errors import StreamrouteError
from streamroute.text.safe_text import redacted_str

if TYPE_CHECKING:
    from streamroute.board.service import BoardService

_PATIENCE: Final = 3.0  # seconds for a service's server to answer; the list does not wait longer


@dataclass(frozen=True, slots=True)
class ServiceSummary:
    """The sums over the streams of a service.

    ``waiting`` entries are unread; ``failing`` is the rate of failed runs, a second; ``dead`` counts its dead
    letters, ``paused`` its paused routes and streams, ``workers`` those that are alive, each once. What Redis
    does not tell counts as 0. ``problem`` says why nothing is known (empty: it is known).
    """

    service: BoardService
    waiting: int = 0
    failing: float = 0.0
    dead: int = 0
    paused: int = 0
    workers: int = 0
    problem: str = ""


async def summarize(service: BoardService) -> ServiceSummary:
    """Return the summary of a service; it has a problem if the server does not answer in three seconds."""
    try:
        async with asyncio.timeout(_PATIENCE):
            status = await service.status()
    except TimeoutError:
        return ServiceSummary(service, problem=f"Redis has not answered within {_PATIENCE:.0f}s")
    except StreamrouteError as error:
        return ServiceSummary(service, problem=redacted_str(error))
    streams = status.streams
    return ServiceSummary(
        service,
        waiting=sum(stream.lag or 0 for stream in streams),
        failing=sum(route.failure_rate for stream in streams for route in stream.routes),
        dead=sum(stream.dead or 0 for stream in streams),
        paused=sum(len(stream.paused) for stream in streams),
        workers=len({worker.consumer for stream in streams for worker in stream.workers if worker.alive}),
    )
