"""Routes that a reload drops although retries or dead letters wait for them: reported before the swap."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from streamroute.adapters.stream.unfinished import UnfinishedWork, waiting_for
from streamroute.errors import StreamrouteError
from streamroute.keys import GroupKeys
from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document

log = logging.getLogger(__name__)

_SHOWN: Final = 20  # routes reported by one reload


def dropped_routes(old: Document, new: Document) -> dict[str, frozenset[str]]:
    """Return the names of routes that ``old`` runs and ``new`` does not, by stream.

    A name that a route of ``new`` takes over by ``formerly`` is not dropped.
    """
    dropped = {stream: _names(old, stream) - _names(new, stream) for stream in old.streams}
    return {stream: names for stream, names in dropped.items() if names}


def _names(document: Document, stream: str) -> frozenset[str]:
    served = document.served(stream)
    return frozenset(name for route in served for name in (route.name, *route.formerly))


async def report_waiting(
    redis: RedisConnection, old: Document, new: Document, *, patience: float = 2.0
) -> None:
    """Log how many retries and dead letters wait for each route that ``new`` drops; never raises.

    It takes ``patience`` seconds at most: what could not be counted is reported in one line.
    """
    dropped = dropped_routes(old, new)
    try:
        async with asyncio.timeout(patience):
            await _report(redis, old, dropped)
    except (StreamrouteError, TimeoutError) as error:
        reason = f"no answer within {patience:g} s" if isinstance(error, TimeoutError) else error
        log.warning("could not count what waits for routes that the reload drops: %s", reason)


async def _report(redis: RedisConnection, old: Document, dropped: dict[str, frozenset[str]]) -> None:
    lines: list[str] = []
    for name, routes in dropped.items():
        stream = old.streams[name]
        keys = GroupKeys.of(name, stream.group, stream.dead_letter)
        work = await waiting_for(redis, keys, stream.group, routes)
        lines += [_line(work, route, name) for route in work.routes]
    for line in lines[:_SHOWN]:
        log.warning("%s", line, extra=NEVER_COALESCED)
    if len(lines) > _SHOWN:
        log.warning("and %d more routes for which messages wait", len(lines) - _SHOWN)


def _line(work: UnfinishedWork, route: str, stream: str) -> str:
    retries, letters = work.retries[route], work.dead_letters[route]
    counts = {"1 retry" if retries == 1 else f"{retries} retries": retries}
    counts[pluralize(letters, "dead letter")] = letters
    found = " and ".join(text for text, count in counts.items() if count)
    wait = "waits" if retries + letters == 1 else "wait"
    least = "" if work.is_complete else "at least "
    return (
        f'the reload drops the route "{route}" of "{stream}", for which {least}{found} {wait}; to run them: '
        f'"formerly: {route}" in another route, or for dead letters: '
        f"streamroute dead retry --route {route} --to ROUTE"
    )
