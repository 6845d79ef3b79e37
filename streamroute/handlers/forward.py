"""``streamroute.handlers.forward``: write a message to another stream of the same Redis."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from streamroute.core.dispatch.retry_envelope import KEY
from streamroute.errors import EncodeError, Reject
from streamroute.handlers.contract import ArgumentProblem, built_in
from streamroute.message import Message
from streamroute.message_trace import carry_trace
from streamroute.text.safe_text import safe_str

_RESERVED: Final = KEY.encode()
_RESERVED_NAMES: Final = frozenset(prefix + _RESERVED for prefix in (b"", b"ce-", b"ce_"))
"""Fields that become the reserved key in a payload; ``ce-`` and ``ce_`` are prefixes of CloudEvents."""
_ENCODED: Final = b"data_base64"  # base64 data of a CloudEvent
_SPELLED: Final = re.compile(rb"\\u00([2-7][0-9a-fA-F])")  # JSON escapes of the key's characters


class EventPublisher(Protocol):
    """A stream that can be written to.

    Once ``publish`` has returned, the entries are in the stream.
    """

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        """Encode a payload as an entry: names and values in turn. Raises EncodeError if that fails."""
        ...

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        """Write entries; return their ids. Raises if it is not certain that they were written."""
        ...


Publishers = Callable[[str], EventPublisher]
"""Stream name -> its publisher."""


def _check(arguments: Mapping[str, Any], streams: Sequence[str]) -> Iterator[ArgumentProblem]:
    stream = arguments.get("stream")
    if stream is None:
        return
    if not isinstance(stream, str) or not stream:
        yield ArgumentProblem("stream", '"stream" must be the name of a stream')
    elif stream in streams:
        yield ArgumentProblem(
            "stream", f'the route would forward to "{stream}", which it consumes: an endless loop'
        )


@built_in(check=_check, needs="publishers")
async def forward(payload: Mapping[str, Any], publishers: Publishers, /, *, stream: str) -> None:
    """Write the message to ``stream``; its entry is acknowledged after that.

    The entry's raw fields are kept byte for byte, except for the trace context of a message that is traced
    here (``traceparent``, ``tracestate``). A transformed payload, and one with the reserved key
    ``_streamroute`` beside its type (not deeper, and not in a text), is encoded again without that key, with
    the codec of ``stream`` if the configuration declares it, else as JSON. After a crash between the write
    and the acknowledgment it is written again, with another entry id: give events an id of their own if that
    matters.

    Source: https://redis.io/docs/latest/commands/xadd/
    """
    publisher = publishers(stream)
    entry = _raw(payload) or _encoded(payload, publisher)
    await publisher.publish([carry_trace(entry, payload)])


def _raw(payload: Mapping[str, Any]) -> list[bytes]:
    """The entry as it was produced; empty if the payload was changed."""
    if not isinstance(payload, Message):
        return []
    if KEY in payload or any(_is_marked(name, value) for name, value in payload.fields.items()):
        # It may contain a retry envelope, which workers of that stream would mistake for their own.
        return []
    return [part for field in payload.fields.items() for part in field]


def _is_marked(name: bytes, value: bytes) -> bool:
    """Whether a codec could find the reserved key of retry envelopes in this field."""
    return name.lower() in _RESERVED_NAMES or (_may_hold_mark(value) and _is_marked_object(_read(value)))


def _may_hold_mark(text: bytes) -> bool:
    """Whether the name may be in this text, in any spelling; most texts need not be parsed."""
    if b"\\" in text:
        text = _SPELLED.sub(lambda match: bytes([int(match[1], 16)]), text)
    return _RESERVED in text or _ENCODED in text


def _is_marked_object(value: Any) -> bool:
    """Whether this is data with the reserved key, or a CloudEvent with such data."""
    if not isinstance(value, dict):
        return False
    return any(
        isinstance(data, dict) and KEY in data
        for data in (value, value.get("data"), _read(_from_base64(value.get(_ENCODED.decode()))))
    )


def _from_base64(text: Any) -> bytes:
    try:
        return base64.b64decode(text)
    except (TypeError, ValueError):
        return b""


def _read(text: bytes) -> Any:
    """Parse the text as leniently as any codec; None if it is not JSON.

    An object that this parser rejects (a number too long, brackets too deep) counts as marked.
    """
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return {KEY: None} if text.lstrip().startswith(b"{") else None


def _encoded(payload: Mapping[str, Any], publisher: EventPublisher) -> list[bytes]:
    try:
        return publisher.encode({key: value for key, value in payload.items() if key != KEY})
    except EncodeError as error:
        # A retry would fail, too.
        raise Reject(f"could not forward the message: {safe_str(error)}") from error
