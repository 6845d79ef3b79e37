"""Stores edited dead letters, unless somebody was faster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamroute.adapters.dead_letters.requeued import retry_of
from streamroute.adapters.entries.field_lists import flatten_fields
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import Argument, script
from streamroute.keys import GroupKeys

if TYPE_CHECKING:
    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.adapters.redis.connection import RedisConnection


class EditedLetters:
    """Replaces letters of the stream ``dead``.

    An entry of a stream never changes: that a letter still has its id means that nobody has edited, retried
    or dropped it. The methods raise RedisUnavailableError if Redis cannot be reached, SetupError if it
    refuses.
    """

    def __init__(self, redis: RedisConnection, dead: str) -> None:
        self._redis = redis
        self._dead = dead
        self._client = raw_client(redis.client, dead)

    async def replace(self, letter_id: str, edited: DeadRecord) -> str | None:
        """Replace a letter by the edited one; returns the new id, or None if there is no such letter."""
        arguments: list[Argument] = [letter_id, self._keys(edited).failures, edited.signature]
        answer = await self._run("replace", [self._dead], [*arguments, *flatten_fields(edited.write())])
        return text(answer) if answer else None

    async def requeue(self, letter_id: str, edited: DeadRecord) -> str | None:
        """Retry an edited letter; returns the retry's name, or None if there is no such letter."""
        keys, retry = self._keys(edited), retry_of(edited)
        arguments: list[Argument] = [letter_id, retry.name, retry.pack(), keys.failures, edited.signature]
        return retry.name if await self._run("requeue", [keys.dead, keys.retry], arguments) else None

    def _keys(self, record: DeadRecord) -> GroupKeys:
        return GroupKeys.of(record.stream, record.group, self._dead)

    async def _run(self, name: str, keys: list[str], arguments: list[Argument]) -> Any:
        with translate_errors(self._redis, f"storing an edited dead letter in {self._dead}"):
            return await script(f"dead_letters/{name}").run(self._client, keys, arguments)
