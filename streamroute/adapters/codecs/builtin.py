"""Codecs: how the fields of a stream entry become a payload, and a payload becomes fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from streamroute.adapters.codecs.cloudevents import CloudEventsCodec
from streamroute.adapters.codecs.entry_fields import (
    MAX_BYTES,
    check_size,
    checked_fields,
    decode_strings,
    event_type,
    json_bytes,
    kind_of,
    not_utf8,
    quoted,
    read_object,
    utf8,
)
from streamroute.adapters.codecs.strict_json import NotJsonError, read_json
from streamroute.errors import DecodeError, EncodeError, SetupError
from streamroute.text.limits import NAME
from streamroute.text.safe_text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Codec(Protocol):
    """What a stream's ``codec:`` names; also the shape of a user's own.

    ``decode`` gets the fields of one entry and gives its payload, with the event's type under ``type``.
    It raises DecodeError, with a reason that a person understands, for what it cannot read: the entry is
    then dead-lettered as it is. ``encode`` is its inverse and raises EncodeError.
    """

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """The payload of an entry."""
        ...

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """The fields of an entry that ``decode`` turns into this payload."""
        ...


class JsonCodec:
    """The field ``data`` holds a JSON object; every other field is a string beside it.

    Of an envelope and data with the same key, the envelope's ``type`` wins, and data wins for every other
    key. An entry without ``data`` is taken as flat strings.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """See ``Codec``."""
        if not self._is_small(fields):
            check_size(fields, self._max_bytes)
        data = fields.get(b"data")
        if data is None:
            return decode_strings(fields)
        return self._beside(read_object(data), fields)

    def decode_fast(self, parts: list[bytes]) -> dict[str, Any] | None:
        """The payload of the usual entry, a type and then its data, as the server sends it.

        None for any other, and for one that cannot be read: ``decode`` knows it, or what is wrong with it.
        """
        if len(parts) != 4 or parts[0] != b"type" or parts[2] != b"data":
            return None
        kind, data = parts[1], parts[3]
        if len(kind) + len(data) + 8 > self._max_bytes:
            return None
        try:
            payload: dict[str, Any] = read_json(data)
            payload["type"] = kind.decode()
        except (ValueError, TypeError):
            return None
        return payload

    def separate(self, fields: dict[bytes, bytes]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The data alone, and the payload."""
        data = fields.get(b"data")
        if data is None:
            payload = self.decode(fields)
            return {key: value for key, value in payload.items() if key != "type"}, payload
        if not self._is_small(fields):
            check_size(fields, self._max_bytes)
        alone = read_object(data)
        return alone, self._beside(dict(alone), fields)

    def _beside(self, payload: dict[str, Any], fields: Mapping[bytes, bytes]) -> dict[str, Any]:
        """The data with the envelope beside it."""
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
        """Whether this is the usual entry, ``type`` and ``data``, far below the limit: known at a glance."""
        if len(fields) != 2 or b"data" not in fields or b"type" not in fields:
            return False
        return len(fields[b"data"]) + len(fields[b"type"]) + 8 <= self._max_bytes

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """``type`` in a field of its own, everything else in ``data``."""
        kind = event_type(payload)
        data = {key: value for key, value in payload.items() if key != "type"}
        fields = {b"type": utf8("type", kind), b"data": json_bytes("data", data)}
        return checked_fields(fields, self._max_bytes)


class FieldsCodec:
    """Every field is a string, and nothing is nested."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """See ``Codec``."""
        check_size(fields, self._max_bytes)
        return decode_strings(fields)

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Raises EncodeError for a value that is not a string: read again, it would be another value."""
        event_type(payload)
        for name, value in payload.items():
            if not isinstance(value, str):
                raise EncodeError(
                    f'the codec "fields" holds strings only, and "{clip(name, NAME)}" is {kind_of(value)}; '
                    'write it as a string, or use the codec "typed-fields" or "json"'
                )
        fields = {utf8(name, name): utf8(name, value) for name, value in payload.items()}
        return checked_fields(fields, self._max_bytes)


class TypedFieldsCodec:
    """Every field is JSON where it reads as JSON, else a string; ``type`` is always a string."""

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
        """A string that would read as JSON is written as a JSON string, so that it stays one."""
        kind = event_type(payload)
        fields = {utf8(name, name): _write_typed(name, value) for name, value in payload.items()}
        return checked_fields(fields | {b"type": utf8("type", kind)}, self._max_bytes)


_BUILT_IN: Final[dict[str, Callable[[int], Codec]]] = {
    "json": JsonCodec,
    "fields": FieldsCodec,
    "typed-fields": TypedFieldsCodec,
    "cloudevents": CloudEventsCodec,
}
CODEC_NAMES: Final = tuple(_BUILT_IN)


def codec_named(name: str, *, max_bytes: int = MAX_BYTES) -> Codec:
    """The built-in codec of this name; raises SetupError for any other (a dotted path is not one)."""
    if name not in _BUILT_IN:
        raise SetupError(f'there is no codec "{name}"; the built-in ones are {", ".join(CODEC_NAMES)}')
    return _BUILT_IN[name](max_bytes)


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
