"""Read the messages of existing Redis entries, for tests that refer to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamroute.adapters.groups.entry_lookup import read_entry
from streamroute.errors import SetupError
from streamroute.ops.route_tests.delivery import codec_of, received
from streamroute.ops.route_tests.runner import MessageError

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.route_tests import EntryReference


class StoredEntryReader:
    """Reads entries of a configuration's streams; a call returns the message of one."""

    def __init__(self, redis: RedisConnection, compiled: Compiled) -> None:
        self._redis = redis
        self._compiled = compiled

    async def __call__(self, reference: EntryReference) -> Mapping[str, Any]:
        """Return the message of an entry.

        Raises MessageError if there is none, DecodeError if the message is dead-lettered as a whole.
        """
        name, codec = f'the entry {reference.id} of "{reference.stream}"', self._codec(reference.stream)
        try:
            fields = await read_entry(self._redis, reference.stream, reference.id)
        except SetupError as error:
            raise MessageError(str(error)) from error
        if fields is None:
            raise MessageError(f"{name} does not exist, or was trimmed")
        return received(self._compiled, reference.stream, codec, fields)

    def _codec(self, stream: str) -> Codec:
        codec = codec_of(self._compiled, stream)
        if codec is None:
            raise MessageError(f'unknown stream "{stream}"')
        return codec
