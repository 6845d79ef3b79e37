"""Where a tail begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from streamroute.adapters.entries.entry_ids import previous_id
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_command
from streamroute.adapters.redis.replies import milliseconds

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection


async def start_after(redis: RedisConnection, first_id: Callable[[int], str]) -> str:
    """Return the id after which streams are read, so that the first entry is ``first_id(now)`` or later.

    ``now`` is Redis time in ms. Raises RedisUnavailableError, or SetupError if Redis refuses.
    """
    with translate_errors(redis, "reading the time"):
        now = milliseconds(await send_command(raw_client(redis.client, ""), "TIME"))
    return previous_id(first_id(now))
