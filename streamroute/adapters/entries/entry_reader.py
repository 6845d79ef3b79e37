"""Entries as they were read, made into the messages that handlers get.

An entry's id here is the server's own, with ``@retry`` behind it where the entry is pending in the
group's retry stream and not in the stream itself: ids of two streams may collide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamroute.adapters.codecs.builtin import Codec
from streamroute.adapters.codecs.codec_calls import optional_decoder
from streamroute.adapters.entries.records import RetryRecord, fields_from_reply
from streamroute.adapters.redis.replies import Row
from streamroute.errors import DecodeError
from streamroute.expansion import is_expanding
from streamroute.keys import GroupKeys
from streamroute.logs.exception_text import error_text
from streamroute.message import ExpandingMessage, Message, first_delivery
from streamroute.system.forked import exit_if_forked
from streamroute.text.limits import REASON
from streamroute.text.safe_text import redacted_str, type_name

_RETRY: Final = "@retry"

FastDecoder = Callable[[list[bytes]], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class EntryReader:
    """Makes messages of the entries of one group; ``keys`` tells its retry stream from its stream.

    ``coordinator`` is what they bring along: who knows the other messages and workers of the group.
    """

    codec: Codec
    keys: GroupKeys
    group: str
    coordinator: object = None

    def read(
        self,
        key: str,
        entry_id: str,
        fields: Mapping[bytes, bytes],
        *,
        read_at: int,
        deliveries: int,
    ) -> tuple[str, Message]:
        """The entry's id and its message; one that cannot be decoded is a message with a ``decode_error``."""
        origin, payload, decode_error = self._decoded(key, entry_id, fields)
        exit_if_forked()
        message = (ExpandingMessage if is_expanding(payload) else Message)(
            payload,
            id=origin.id,
            stream=self.keys.stream,
            group=self.group,
            deliveries=deliveries,
            attempt=origin.attempt,
            routes=origin.routes or None,
            fields=origin.fields,
            decode_error=decode_error,
            history=origin.history,
            pending_key=key,
            entry_id=entry_id,
            lease_confirmed_at=read_at,
            outcomes=[],
            coordinator=self.coordinator,
            accepted=origin.accepted and bool(origin.routes),
            unknown_since=origin.unknown_since,
        )
        return self.name(key, entry_id), message

    def read_new(self, rows: Iterable[Row], *, read_at: int) -> list[tuple[str, dict[str, Any]]]:
        """Entries of the stream itself that were never handed out before: ``read`` for each, and faster."""
        decode = fast_decoder(self.codec)
        stream, group, coordinator = self.keys.stream, self.group, self.coordinator
        entries: list[tuple[str, dict[str, Any]]] = []
        for raw_id, parts in rows:
            entry_id = raw_id.decode()
            try:
                payload = decode(parts)
            except BaseException:  # noqa: BLE001 - of a user's codec: its `decode` says what is wrong
                payload = None
            if type(payload) is dict:
                message = first_delivery(payload, entry_id, parts, stream, group, read_at, coordinator)
                entries.append((entry_id, message))
            else:
                fields = fields_from_reply(parts)
                entries.append(self.read(stream, entry_id, fields, read_at=read_at, deliveries=1))
        exit_if_forked()
        return entries

    def name(self, key: str, entry_id: str) -> str:
        """The id that an entry of the stream ``key`` goes by here."""
        return entry_name(self.keys, key, entry_id)

    def _decoded(
        self, key: str, entry_id: str, fields: Mapping[bytes, bytes]
    ) -> tuple[RetryRecord, dict[str, Any], str | None]:
        origin = RetryRecord(entry_id, frozenset(), 1, fields)
        try:
            if key == self.keys.retry:
                origin = RetryRecord.unpack(fields.get(b"entry", b""))
            payload: object = self.codec.decode(dict(origin.fields))
            if not issubclass(type(payload), dict):
                return origin, {}, f"the codec returned {type_name(payload)}, and a payload is a dict"
            plain = _plain(payload)
        except DecodeError as error:
            return origin, {}, redacted_str(error, REASON)
        except BaseException as error:  # noqa: BLE001 - a user's codec may raise anything, SystemExit too
            return origin, {}, f"the codec failed: {error_text(error)}"
        return origin, plain, None


def _plain(payload: Any) -> dict[str, Any]:
    """The payload as a dict of Python's own, and its type as a string of Python's own."""
    plain: dict[str, Any] = payload if type(payload) is dict else dict(payload)
    kind = plain.get("type")
    if type(kind) is not str and issubclass(type(kind), str):
        plain["type"] = str.__str__(kind)
    return plain


def fast_decoder(codec: Codec) -> FastDecoder:
    """The codec's short way for usual entries, which gives None for any other."""
    return optional_decoder(codec, "decode_fast") or _no_fast_decode


def _no_fast_decode(_parts: object) -> None:
    """What a codec without a short way for usual entries makes of one."""


def entry_name(keys: GroupKeys, key: str, entry_id: str) -> str:
    """The id that an entry of the stream ``key`` goes by here."""
    return f"{entry_id}{_RETRY}" if key == keys.retry else entry_id


def is_retry(message_id: str) -> bool:
    """Whether this id is that of an entry in a retry stream."""
    return message_id.endswith(_RETRY)


def server_id(message_id: str) -> str:
    """The id that the server knows an entry by."""
    return message_id.removesuffix(_RETRY)
