"""How far the workers are with messages that were added to a group's retry stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_each
from streamroute.adapters.redis.replies import attributes, text
from streamroute.adapters.retries.retry_name import RetryName

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.keys import GroupKeys

_LIMIT: Final = 10_000  # delayed retries to look at


class RetryProgress:
    """Reads a group's retry stream and its delayed retries, without changing any.

    The methods raise RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """

    def __init__(self, redis: RedisConnection, keys: GroupKeys) -> None:
        self._redis = redis
        self._keys = keys
        self._client = raw_client(redis.client, keys.retry)

    async def last_id(self) -> str:
        """Return the id of the last entry that was ever added to the retry stream; ``0-0`` without one.

        Source: https://redis.io/docs/latest/commands/xinfo-stream/
        """
        facts = await self._send("XINFO", "STREAM", self._keys.retry)
        return "0-0" if facts is None else text(attributes(facts)["last-generated-id"])

    async def has_ended(self, last_id: str) -> bool:
        """Whether no entry up to an id is left in the retry stream: each has run, or is delayed again.

        Source: https://redis.io/docs/latest/commands/xrange/
        """
        return not await self._send("XRANGE", self._keys.retry, "-", last_id, "COUNT", "1")

    async def delayed(self) -> list[RetryName]:
        """Return the names of the delayed retries, at most ten thousand, the next ones first."""
        names = await self._send("ZRANGE", self._keys.due, "0", str(_LIMIT - 1))
        return [RetryName.parse(text(name)) for name in names or ()]

    async def _send(self, *words: str) -> Any:
        with translate_errors(self._redis, f"reading the retries of {self._keys.stream}"):
            (answer,) = await send_each(self._client, [words])
            if isinstance(answer, Exception):
                if "no such key" not in str(answer):
                    raise answer
                return None
        return answer
