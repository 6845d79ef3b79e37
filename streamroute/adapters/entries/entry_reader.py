"""Decodes entries into the messages that handlers receive.

An entry's id here is the server's, with the suffix ``@retry`` if the entry is pending in the group's retry
stream: ids of the two streams may be equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamroute.adapters.codecs.builtin import Codec
from streamroute.adapters.codecs.codec_calls import optional_decoder, plain_payload, type_field_of
from streamroute.adapters.entries.entry_pipeline import EntryPipeline
from streamroute.adapters.entries.entry_skipper import EntrySkipper, Skipping
from streamroute.adapters.entries.field_lists import fields_from_reply
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.adapters.redis.replies import Row
from streamroute.delivery import Delivery, ReplayDelivery, Unparked
from streamroute.errors import DecodeError
from streamroute.expansion import is_expanding
from streamroute.keys import GroupKeys
from streamroute.logs.exception_text import error_text
from streamroute.message import ExpandingMessage, Message, first_deliveries
from streamroute.system.forked import exit_if_forked
from streamroute.text.limits import REASON
from streamroute.text.safe_text import redacted_str

_RETRY: Final = "@retry"

FastDecoder = Callable[[list[bytes]], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class EntryReader:
    """Decodes the entries of one group; ``keys`` identifies its stream and its retry stream.

    ``coordinator`` and ``pipeline`` are attached to each delivery: the former has access to the group's other
    messages and workers, the latter is where the codec is from. ``skipper`` takes out new entries that no
    route of the pipeline takes.
    """

    codec: Codec
    keys: GroupKeys
    group: str
    coordinator: Any = None
    pipeline: EntryPipeline | None = None
    skipper: EntrySkipper | None = None

    def read(
        self,
        key: str,
        entry_id: str,
        fields: Mapping[bytes, bytes],
        *,
        read_at: int,
        deliveries: int,
    ) -> tuple[str, Message]:
        """Return the entry's id and its message, with a ``decode_error`` if it cannot be decoded."""
        origin, payload, decode_error = self._decoded(key, entry_id, fields)
        if self.skipper is not None and key == self.keys.stream:
            self.skipper.note_id(entry_id)
        exit_if_forked()
        message = (ExpandingMessage if is_expanding(payload) else Message)(
            payload,
            id=origin.id,
            stream=self.keys.stream,
            group=self.group,
            attempt=origin.attempt,
            routes=origin.routes or None,
            fields=origin.fields,
            decode_error=decode_error,
            history=origin.history,
            accepted=origin.accepted and bool(origin.routes),
            delivery=self._delivery(key, entry_id, origin, read_at, deliveries, fields),
        )
        return self.name(key, entry_id), message

    def read_new(self, rows: Sequence[Row], *, read_at: int) -> list[tuple[str, dict[str, Any]]]:
        """Decode entries of the stream itself on their first delivery; faster than ``read``.

        Entries that no route takes are left out.
        """
        skipping = self._skipping(rows, read_at)
        if skipping is None:
            return self._read_new(rows, read_at)
        entries = self._read_new(skipping.without_unlisted(), read_at, skipping)
        skipping.finish()
        return entries

    def _skipping(self, rows: Sequence[Row], read_at: int) -> Skipping | None:
        """Return what may be skipped of a read; None if every entry has to be handled."""
        if self.skipper is None or not rows or self.pipeline is None:
            return None
        type_field = type_field_of(self.codec)
        return self.skipper.start(rows, read_at, type_field, self.pipeline.prefilter, self.coordinator)

    def _read_new(
        self, rows: Sequence[Row], read_at: int, skipping: Skipping | None = None
    ) -> list[tuple[str, dict[str, Any]]]:
        rules, skipped = (None, []) if skipping is None else (skipping.rules, skipping.ids)
        decode = fast_decoder(self.codec)
        stream = self.keys.stream
        message_of = first_deliveries(stream, self.group, read_at, self.coordinator, self.pipeline)
        entries: list[tuple[str, dict[str, Any]]] = []
        for raw_id, parts in rows:
            try:
                payload = decode(parts)
            except BaseException:  # noqa: BLE001 - of a user's codec: its `decode` reports what is wrong
                payload = None
            if type(payload) is dict:
                message_type = payload.get("type")  # of a user's codec, anything
                if rules is not None and type(message_type) is str:
                    rule = rules[message_type]
                    if rule is not None and not rule.waits and rule.rejects(payload):
                        skipped.append(raw_id)
                        continue
                entry_id = raw_id.decode()
                entries.append((entry_id, message_of(payload, entry_id, parts)))
            else:
                fields = fields_from_reply(parts)
                entries.append(self.read(stream, raw_id.decode(), fields, read_at=read_at, deliveries=1))
        exit_if_forked()
        return entries

    def _delivery(
        self,
        key: str,
        entry_id: str,
        origin: RetryRecord,
        read_at: int,
        deliveries: int,
        fields: Mapping[bytes, bytes],
    ) -> Delivery:
        delivery = Delivery() if origin.replay is None else ReplayDelivery(replay=origin.replay)
        delivery.entry_id, delivery.pending_key, delivery.deliveries = entry_id, key, deliveries
        delivery.lease_confirmed_at = read_at
        delivery.outcomes = []
        delivery.coordinator, delivery.pipeline = self.coordinator, self.pipeline
        delivery.unknown_since, delivery.trace = origin.unknown_since, origin.trace
        if origin.parked_for:
            delivery.unparked = Unparked(origin.parked_for, is_probe=b"probe" in fields)
        return delivery

    def name(self, key: str, entry_id: str) -> str:
        """Return the id of an entry of the stream ``key``, with the suffix for retries."""
        return entry_name(self.keys, key, entry_id)

    def _decoded(
        self, key: str, entry_id: str, fields: Mapping[bytes, bytes]
    ) -> tuple[RetryRecord, dict[str, Any], str | None]:
        origin = RetryRecord(entry_id, frozenset(), 1, fields)
        try:
            if key == self.keys.retry:
                origin = RetryRecord.unpack(fields.get(b"entry", b""))
            plain = plain_payload(self.codec.decode(dict(origin.fields)))
        except DecodeError as error:
            return origin, {}, self._without_values(redacted_str(error, REASON))
        except BaseException as error:  # noqa: BLE001 - a user's codec may raise anything, SystemExit too
            return origin, {}, self._without_values(f"the codec failed: {error_text(error)}")
        return origin, plain, None

    def _without_values(self, reason: str) -> str:
        """Return why an entry cannot be decoded, as its log line and its dead letter say it."""
        return reason if self.pipeline is None else self.pipeline.redactor.decode_error(reason)


def fast_decoder(codec: Codec) -> FastDecoder:
    """Return the codec's decoder for common entries; it returns None for all others."""
    return optional_decoder(codec, "decode_fast") or _no_fast_decode


def _no_fast_decode(_parts: object) -> None:
    """Decode no entry: the default for codecs without a fast decoder."""


def entry_name(keys: GroupKeys, key: str, entry_id: str) -> str:
    """Return the id of an entry of the stream ``key``, with the suffix for retries."""
    return f"{entry_id}{_RETRY}" if key == keys.retry else entry_id


def is_retry(message_id: str) -> bool:
    """Whether the id is that of an entry in a retry stream."""
    return message_id.endswith(_RETRY)


def server_id(message_id: str) -> str:
    """Return the id of an entry on the server."""
    return message_id.removesuffix(_RETRY)
