"""The built-in codecs: they decode the fields of a stream entry into a payload, and encode payloads.

A codec is one class, listed in ``BUILT_IN``; tests/adapters/codecs/test_codecs_declared_once.py checks the
other places that must list it (JSON Schema, documentation, rules).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from streamroute.adapters.codecs.cloudevents import CloudEventsCodec
from streamroute.adapters.codecs.entry_fields import (
    MAX_BYTES,
    check_size,
    checked_fields,
    decode_strings,
    event_type,
    json_bytes,
    not_utf8,
    quoted,
    read_object,
    utf8,
)
from streamroute.adapters.codecs.strict_json import (
    DIGITS,
    SAMPLES,
    SHORT,
    NotJsonError,
    has_long_number,
    orjson_loads,
    read_json,
)
from streamroute.adapters.codecs.type_names import MAX_TYPE_BYTES, TypeNames
from streamroute.errors import DecodeError, EncodeError, SetupError
from streamroute.text.kinds import describe_kind
from streamroute.text.quoted_names import quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Codec(Protocol):
    """The codec of a stream (key ``codec``); a user's codec has the same two methods.

    ``decode`` takes the fields of one entry and returns its payload, with the event's type under ``type``.
    For an entry that it cannot decode it raises DecodeError, with a readable reason: the entry is then
    dead-lettered unchanged. ``encode`` is its inverse and raises EncodeError.
    """

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """Return the payload of an entry."""
        ...

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Return the fields that ``decode`` turns into this payload."""
        ...


class BuiltInCodec(Codec, Protocol):
    """A codec that a configuration refers to by name."""

    name: ClassVar[str]
    """The value of ``codec`` in the configuration."""
    summary: ClassVar[str]
    """Describes an entry, in the JSON Schema and in ``streamroute schema``."""
    may_wrap_payload: ClassVar[bool]
    """Whether producers may put the payload into one field, so that paths begin with the field's name."""
    keeps_types: ClassVar[bool]
    """Whether numbers and booleans stay numbers and booleans."""


class JsonCodec:
    """The field ``data`` holds a JSON object; the other fields are added to it as strings.

    If a field and the data have the same key, the field takes precedence for ``type``, and the data for every
    other key. An entry without ``data`` is decoded as flat strings.
    """

    name: ClassVar = "json"
    summary: ClassVar = "the field data holds a JSON object"
    may_wrap_payload: ClassVar = False
    keeps_types: ClassVar = True
    type_field: ClassVar = b"type"

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._types = TypeNames()
        self._loads = orjson_loads or read_json
        # Data up to this size is within the limit with any type, and has no other limit.
        self._short = -1 if orjson_loads is None else min(SHORT, max_bytes - MAX_TYPE_BYTES - _NAMES)

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """See ``Codec``."""
        if not self._is_small(fields):
            check_size(fields, self._max_bytes)
        data = fields.get(b"data")
        if data is None:
            return decode_strings(fields)
        return self._with_other_fields(read_object(data), fields)

    def decode_fast(self, parts: list[bytes]) -> dict[str, Any] | None:
        """Decode an entry of exactly ``type`` and ``data``, in that order, as the server sent it.

        Returns None for any other entry and for one that cannot be decoded: ``decode`` handles those.
        """
        try:
            name, raw_type, data_name, data = parts
            if name != b"type" or data_name != b"data":
                return None
            message_type = self._types[raw_type]
            payload: dict[str, Any]
            if len(data) <= self._short and not (
                48 in data[SAMPLES].translate(DIGITS) and has_long_number(data)
            ):
                payload = self._loads(data)
            elif len(raw_type) + len(data) + _NAMES > self._max_bytes:
                return None
            else:
                payload = read_json(data)
            payload["type"] = message_type
        except (ValueError, TypeError):
            return None
        return payload

    def data_of(self, payload: Mapping[str, Any], fields: Mapping[bytes, bytes]) -> dict[str, Any]:
        """Return the data of an entry that was decoded to ``payload``, without the envelope.

        Data that may have a key ``type``, which the field of that name replaced, is parsed again.
        """
        data = fields.get(b"data")
        if data is None or (len(fields) == 2 and b"type" in fields and not _may_have_type(data)):
            return {key: value for key, value in payload.items() if key != "type"}
        return read_object(data)

    def _with_other_fields(self, payload: dict[str, Any], fields: Mapping[bytes, bytes]) -> dict[str, Any]:
        """Add the other fields to the data."""
        try:
            for name, value in fields.items():
                if name == b"type":
                    payload["type"] = value.decode()
                elif name != b"data":
                    payload.setdefault(name.decode(), value.decode())
        except UnicodeDecodeError:
            raise DecodeError(not_utf8(fields)) from None
        return payload

    def _is_small(self, fields: dict[bytes, bytes]) -> bool:
        """Whether the entry has only ``type`` and ``data`` and is within the limit (a cheap check)."""
        if len(fields) != 2 or b"data" not in fields or b"type" not in fields:
            return False
        return len(fields[b"data"]) + len(fields[b"type"]) + _NAMES <= self._max_bytes

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Write ``type`` as a field, everything else as ``data``."""
        message_type = event_type(payload)
        data = {key: value for key, value in payload.items() if key != "type"}
        fields = {b"type": utf8("type", message_type), b"data": json_bytes("data", data)}
        return checked_fields(fields, self._max_bytes)


_NAMES: Final = len(b"type") + len(b"data")


def _may_have_type(data: bytes) -> bool:
    return b'"type"' in data or b"\\" in data  # a key may be written with escapes


class FieldsCodec:
    """Every field is a string; there are no nested values."""

    name: ClassVar = "fields"
    summary: ClassVar = "flat strings"
    may_wrap_payload: ClassVar = False
    keeps_types: ClassVar = False
    type_field: ClassVar = b"type"

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """See ``Codec``."""
        check_size(fields, self._max_bytes)
        return decode_strings(fields)

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Raises EncodeError for a value that is not a string: it would be decoded as a different value."""
        event_type(payload)
        for name, value in payload.items():
            if not isinstance(value, str):
                raise EncodeError(
                    f'the codec "fields" holds strings only, and {quoted_name(name)} is '
                    f'{describe_kind(value)}; write it as a string, or use the codec "typed-fields" or "json"'
                )
        fields = {utf8(name, name): utf8(name, value) for name, value in payload.items()}
        return checked_fields(fields, self._max_bytes)


class TypedFieldsCodec:
    """Every field is JSON if it parses as JSON, else a string; ``type`` is always a string."""

    name: ClassVar = "typed-fields"
    summary: ClassVar = "each value as JSON where it is JSON"
    may_wrap_payload: ClassVar = True
    keeps_types: ClassVar = True
    type_field: ClassVar = b"type"

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """See ``Codec``."""
        check_size(fields, self._max_bytes)
        payload = decode_strings(fields)
        for name, value in fields.items():
            if value[:1] in _MAY_BE_JSON and name != b"type":
                payload[name.decode()] = _read_typed(name, value)
        return payload

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Write a string that would parse as JSON as a JSON string, so that it is decoded unchanged."""
        message_type = event_type(payload)
        fields = {utf8(name, name): _write_typed(name, value) for name, value in payload.items()}
        return checked_fields(fields | {b"type": utf8("type", message_type)}, self._max_bytes)


BUILT_IN: Final[tuple[type[BuiltInCodec], ...]] = (
    JsonCodec,
    FieldsCodec,
    TypedFieldsCodec,
    CloudEventsCodec,
)
_BY_NAME: Final[Mapping[str, Callable[[int], Codec]]] = {codec.name: codec for codec in BUILT_IN}
CODEC_NAMES: Final = tuple(_BY_NAME)


def codec_named(name: str, *, max_bytes: int = MAX_BYTES) -> Codec:
    """Return the built-in codec of this name; raises SetupError for any other name or path."""
    if name not in _BY_NAME:
        raise SetupError(f'there is no codec "{name}"; the built-in ones are {", ".join(CODEC_NAMES)}')
    return _BY_NAME[name](max_bytes)


_MAY_BE_JSON: Final = frozenset(bytes([byte]) for byte in b'{["-0123456789tfn \t\r\n')


def _read_typed(name: bytes, value: bytes) -> Any:
    try:
        return read_json(value)
    except NotJsonError:
        return value.decode()
    except ValueError as error:
        raise DecodeError(f"the field {quoted(name)} {error}") from None


def _write_typed(name: str, value: Any) -> bytes:
    if isinstance(value, str) and not _reads_as_json(plain := utf8(name, value)):
        return plain
    return json_bytes(name, value)


def _reads_as_json(plain: bytes) -> bool:
    if plain[:1] not in _MAY_BE_JSON:
        return False
    try:
        read_json(plain)
    except NotJsonError:
        return False
    except ValueError:
        return True
    return True
