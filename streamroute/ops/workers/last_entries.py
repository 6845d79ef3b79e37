"""Names the entries that a worker process held when it died: it cannot say so itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from streamroute.adapters.snapshots.held_entries import HeldEntries, held_by
from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.logs.exception_text import error_line
from streamroute.services.consumer_names import names_of_process
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document

log = logging.getLogger(__name__)

_MAX_NAMED: Final = 10  # entries of one stream
_PATIENCE: Final = 1.0  # seconds; the worker is not restarted meanwhile


class LastEntries:
    """Reads from Redis what dead workers of the configuration ``document()`` held, and logs it."""

    def __init__(self, redis: RedisConnection, document: Callable[[], Document]) -> None:
        self._redis = redis
        self._document = document

    async def tell(self, number: int, pid: int) -> None:
        """Log the entries of worker ``number``, which was the process ``pid``; ends within a second."""
        try:
            async with asyncio.timeout(_PATIENCE):
                for stream in tuple(self._document().streams.values()):
                    held = await held_by(self._redis, stream.name, stream.group, names_of_process(pid))
                    for entries in held:
                        _log(number, pid, entries)
        except Exception as error:  # noqa: BLE001 - the worker is restarted, whatever it held
            log.debug("what worker %d held is not known: %s", number, error_line(error))


def _log(number: int, pid: int, held: HeldEntries) -> None:
    named = list(_named(held))
    more = held.count - len(named)
    log.error(
        "worker %d (process %d) held %s of %s, which run again when its lease ends: %s%s",
        *(number, pid, pluralize(held.count, "entry", "entries"), held.key, ", ".join(named)),
        f" and {more:,} more" if more else "",
        extra=NEVER_COALESCED,
    )


def _named(held: HeldEntries) -> Iterator[str]:
    """Yield the running entries with their routes, then others, ten in all."""
    running = held.running[:_MAX_NAMED]
    for entry in running:
        route = f" by route {entry.route}" if entry.route else ""
        message = f" of message {entry.message_id}" if entry.is_retry else ""
        yield f"{entry.entry_id}{message} (run{route}, attempt {entry.attempt})"
    known = {entry.entry_id for entry in running}
    yield from [entry_id for entry_id in held.ids if entry_id not in known][: _MAX_NAMED - len(running)]
