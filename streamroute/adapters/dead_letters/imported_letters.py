"""Writes dead letters of an export, each once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from streamroute.adapters.entries.dead_record import group_facts
from streamroute.adapters.entries.field_lists import flatten_fields
from streamroute.adapters.entries.settlement import MAX_FAILURE_GROUPS
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.redis.scripts import Argument, script

if TYPE_CHECKING:
    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.keys import GroupKeys

_KEPT: Final = 30 * 86_400  # seconds after the last import for which the ids of letters are remembered


class ImportedLetters:
    """The stream ``dead``, with the letters of the group with ``keys``.

    The methods raise RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """

    def __init__(self, redis: RedisConnection, dead: str, keys: GroupKeys) -> None:
        self._redis = redis
        self._dead = dead
        self._keys = keys
        self._client = raw_client(redis.client, dead)

    async def write(self, letter_id: str, fields: Mapping[bytes, bytes], record: DeadRecord | None) -> bool:
        """Write a letter; returns False if the one with this id, or its copy, is there."""
        index = ("", b"") if record is None else (record.signature, group_facts(record))
        return await self._run(letter_id, [*index, *flatten_fields(fields)])

    async def is_absent(
        self, letter_id: str, _fields: Mapping[bytes, bytes], _record: DeadRecord | None
    ) -> bool:
        """Return whether ``write`` would write the letter."""
        return await self._run(letter_id, [])

    async def _run(self, letter_id: str, letter: list[str | bytes]) -> bool:
        keys = [self._dead, self._keys.imported]
        arguments: list[Argument] = [letter_id, _KEPT, self._keys.failures, MAX_FAILURE_GROUPS, *letter]
        with translate_errors(self._redis, f"importing dead letters to {self._dead}"):
            return bool(await script("dead_letters/import").run(self._client, keys, arguments))
