"""The messages of entries that are in Redis already, for tests that name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamroute.adapters.codecs import codec_named
from streamroute.adapters.lookup import read_entry
from streamroute.errors import DecodeError, SetupError
from streamroute.ops.route_tests import MessageError

if TYPE_CHECKING:
    from streamroute.adapters.codecs import Codec
    from streamroute.adapters.connection import Connection
    from streamroute.compiler.compilation import Compiled
    from streamroute.config.expectations import EntryReference


class EntryReader:
    """Reads entries of a configuration's streams; a call gives the message of one."""

    def __init__(self, redis: Connection, compiled: Compiled) -> None:
        self._redis = redis
        self._compiled = compiled

    async def __call__(self, reference: EntryReference) -> Mapping[str, Any]:
        """The message of an entry; raises MessageError where there is none, or it cannot be decoded."""
        name, codec = f'the entry {reference.id} of "{reference.stream}"', self._codec(reference.stream)
        try:
            fields = await read_entry(self._redis, reference.stream, reference.id)
        except SetupError as error:
            raise MessageError(str(error)) from error
        if fields is None:
            raise MessageError(f"{name} does not exist, or was trimmed")
        try:
            return codec.decode(fields)
        except DecodeError as error:
            raise MessageError(f"{name} cannot be decoded, and is dead-lettered: {error}") from error
        except Exception as error:  # a user's codec may raise anything: serve dead-letters the entry then
            said = f"{type(error).__name__}: {error}"
            raise MessageError(f"the codec failed on {name}, which is dead-lettered: {said}") from error

    def _codec(self, stream: str) -> Codec:
        configured = self._compiled.document.streams.get(stream)
        if configured is None:
            raise MessageError(f'there is no stream "{stream}"')
        return self._compiled.codecs.get(stream) or codec_named(configured.codec)
