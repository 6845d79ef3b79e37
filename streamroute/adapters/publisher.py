"""Publishing: events into a stream, many in one round trip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from streamroute.adapters.codecs import Codec, codec_named
from streamroute.adapters.records import flat
from streamroute.adapters.wire import command, text, unparsed


class Publisher:
    """Writes payloads to one stream, in the form that its codec reads back."""

    def __init__(self, client: Redis, stream: str, codec: Codec | str = "json") -> None:
        self._client = unparsed(client)
        self._stream = stream
        self._codec = codec_named(codec) if isinstance(codec, str) else codec

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        """The entry that will be written; raises EncodeError for a payload that the codec cannot hold."""
        return flat(self._codec.encode(payload))

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        """Write encoded entries in order; returns their ids.

        Raises what redis-py raises; then some of them may have been written.

        Source: https://redis.io/docs/latest/commands/xadd/
        """
        if not entries:
            return []
        pipeline = self._client.pipeline(transaction=False)
        for entry in entries:
            pipeline.execute_command("XADD", self._stream, "*", *entry)
        return [text(entry_id) for entry_id in await pipeline.execute(raise_on_error=True)]

    async def last_id(self) -> str:
        """The id of the last entry that the stream has ever had; ``0-0`` where there was none.

        Source: https://redis.io/docs/latest/commands/xrevrange/
        """
        if not await command(self._client, "EXISTS", self._stream):
            return "0-0"
        rows = await command(self._client, "XREVRANGE", self._stream, "+", "-", "COUNT", 1)
        return text(rows[0][0]) if rows else "0-0"
