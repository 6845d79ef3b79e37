"""Publishes events to a stream, many in one round trip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streamroute.adapters.codecs.builtin import Codec, codec_named
from streamroute.adapters.codecs.codec_calls import encoded
from streamroute.adapters.entries.field_lists import flatten_fields
from streamroute.adapters.entries.outgoing_entry import Argument, OutgoingEntry
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.raw_client import raw_client, send_command, send_transaction
from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import script
from streamroute.keys import PublishKeys


class StreamPublisher:
    """Writes payloads to one stream, encoded by its codec.

    The methods raise RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """

    def __init__(self, redis: RedisConnection, stream: str, codec: Codec | str = "json") -> None:
        self._redis = redis
        self._client = raw_client(redis.client, stream)
        self._stream = stream
        self._codec = codec_named(codec) if isinstance(codec, str) else codec

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        """Encode an entry; raises EncodeError for a payload that the codec cannot write."""
        return flatten_fields(encoded(self._codec, payload))

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        """Write encoded entries in order, all or none; returns their ids.

        If the connection breaks before the reply, all may have been written.

        Source: https://redis.io/docs/latest/commands/xadd/
        """
        if not entries:
            return []
        commands: list[CommandArgs] = [["XADD", self._stream, "*", *entry] for entry in entries]
        with translate_errors(self._redis, f"publishing to {self._stream}"):
            if len(commands) == 1:
                return [text(await send_command(self._client, *commands[0]))]
            return [text(entry_id) for entry_id in await send_transaction(self._client, commands)]

    async def publish_each(self, entries: Sequence[OutgoingEntry], *, remember: float) -> list[str]:
        """Write entries in order, each once and after its delay, in one round trip.

        Returns their ids; of a delayed one, the name under which it waits. ``remember`` is for how many
        seconds an id is not written again. If the connection breaks before the reply, all may have been
        written.
        """
        if all(entry.is_plain for entry in entries):
            return await self.publish([entry.fields for entry in entries])
        keys = PublishKeys.of(self._stream)
        names: list[str] = [keys.stream, keys.due, keys.delayed]
        arguments: list[Argument] = [int(remember * 1000)]
        for entry in entries:
            if entry.id is not None:
                names.append(keys.published(entry.id))
            arguments += entry.arguments(0 if entry.id is None else len(names))
        with translate_errors(self._redis, f"publishing to {self._stream}"):
            return [
                text(name) for name in await script("publish/publish").run(self._client, names, arguments)
            ]

    async def last_id(self) -> str:
        """Return the id of the last entry of the stream; ``0-0`` if it is empty.

        Source: https://redis.io/docs/latest/commands/xrevrange/
        """
        with translate_errors(self._redis, f"reading {self._stream}"):
            rows = await send_command(self._client, "XREVRANGE", self._stream, "+", "-", "COUNT", 1)
        return text(rows[0][0]) if rows else "0-0"
