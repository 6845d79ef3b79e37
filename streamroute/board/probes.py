"""Routes for monitoring: ``/healthz`` and ``/readyz``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from streamroute.board.service import BoardService
from streamroute.board.shared_reading import SharedReading
from streamroute.errors import RedisUnavailableError


def probe_routes(services: Sequence[BoardService]) -> list[Route]:
    """Return the routes of a board that runs alone: healthy if it answers, ready if Redis answers it."""
    reading = SharedReading(partial(_silent_services, services))
    return [Route("/healthz", _healthz), Route("/readyz", partial(_readyz, reading))]


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _readyz(reading: SharedReading[list[str]], _request: Request) -> Response:
    silent = await reading.value()
    text = "".join(f"the Redis of {name} does not answer\n" for name in silent)
    return PlainTextResponse(text or "ok\n", 503 if silent else 200)


async def _silent_services(services: Sequence[BoardService]) -> list[str]:
    return [service.name for service in services if not await _answers(service)]


async def _answers(service: BoardService) -> bool:
    try:
        await service.redis.ping()
    except RedisUnavailableError:
        return False
    return True
