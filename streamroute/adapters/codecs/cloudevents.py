"""CloudEvents 1.0, in two forms of an entry.

Structured: one field, by convention ``cloudevent``, holds the whole event as JSON. Binary: each attribute is
a field (``ce-id``, ``ce-source``, ``ce-type`` ...) beside ``data`` and ``content-type``; field names are
case-insensitive. The values of fields ``ce-NAME`` are percent-encoded, as in HTTP headers; those of fields
``ce_NAME`` are plain, as in the binding for Kafka.

Sources: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md; there is no binding for
Redis Streams.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import TYPE_CHECKING, Any, ClassVar, Final

from streamroute.adapters.codecs.cloudevent_attributes import from_header, require_valid, to_header
from streamroute.adapters.codecs.entry_fields import (
    MAX_BYTES,
    check_size,
    checked_fields,
    decode_strings,
    event_type,
    json_bytes,
    read_object,
    utf8,
)
from streamroute.adapters.codecs.strict_json import short_repr
from streamroute.errors import DecodeError, EncodeError
from streamroute.message import Message
from streamroute.text.kinds import describe_kind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_VERSION: Final = "1.0"
_REQUIRED: Final = ("specversion", "id", "source", "type")
_STATED: Final = ("id", "source", "subject", "time", "dataschema", "datacontenttype")
_HEADER: Final = b"ce-"
_PREFIXES: Final = (_HEADER, b"ce_")
_STRUCTURED: Final = b"cloudevent"
_CONTENT_TYPES: Final = (b"content-type", b"content_type")
_JSON: Final = "application/json"
_TYPE_OF_DATA: Final = "datacontenttype"
_NOT_AN_EVENT: Final = (
    'the entry is not a CloudEvent: it has neither a field "cloudevent" nor fields such as "ce-type"'
)


class _Event(dict[str, Any]):
    """A payload that remembers which keys were attributes, so that they are encoded as attributes again."""

    def __init__(
        self, payload: Mapping[str, Any], attributes: Mapping[str, str], data: Collection[str]
    ) -> None:
        super().__init__(payload)
        self.attributes = {name: value for name, value in attributes.items() if name not in data}


def with_attributes(payload: Mapping[str, Any], attributes: Mapping[str, str]) -> Mapping[str, Any]:
    """Return a payload that is encoded with these attributes, which must be valid, beside its own."""
    return _Event({**payload, **attributes}, attributes, ())


class CloudEventsCodec:
    """The payload is the event's data, a JSON object, with the attributes added as strings.

    If an attribute and the data have the same key, the attribute takes precedence for ``type``, and the data
    for every other key. Data that is not JSON is refused.
    """

    name: ClassVar = "cloudevents"
    summary: ClassVar = "CloudEvents 1.0, as one field or as fields"
    may_wrap_payload: ClassVar = False
    keeps_types: ClassVar = True

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """Return the payload; raises DecodeError for an entry that is not a CloudEvent with JSON data."""
        data, attributes, others = self._split_fields(fields)
        payload = {**others, **attributes, **data, "type": attributes["type"]}
        return _Event(payload, attributes, data)

    def data_of(self, _payload: Mapping[str, Any], fields: Mapping[bytes, bytes]) -> dict[str, Any]:
        """Return the data of an event without its attributes; raises DecodeError if it is not an event.

        Parses the data again, but not the attributes: a key of the payload may be from either.
        """
        if b"ce-type" in fields and _STRUCTURED not in fields:
            return _binary_data(fields)
        name = _structured_field(fields)
        if name is not None:
            event = read_object(fields[name])
            data = event.get("data")
            return data if type(data) is dict and "data_base64" not in event else _structured(event)[1]
        if not any(name.lower().startswith(_PREFIXES) for name in fields):
            raise DecodeError(_NOT_AN_EVENT)
        return _binary_data(fields)

    def _split_fields(
        self, fields: dict[bytes, bytes]
    ) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
        """Return data, attributes, and the other fields."""
        check_size(fields, self._max_bytes)
        name = _structured_field(fields)
        if name is None:
            attributes, data, others = _binary(fields)
        else:
            attributes, data = _structured(read_object(fields[name], short_repr(name)[2:-1]))
            others = {key: value for key, value in fields.items() if key != name}
        _check(attributes)
        return (
            data,
            attributes,
            decode_strings({k: v for k, v in others.items() if k.lower() not in _CONTENT_TYPES}),
        )

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Encode in the binary form; an event without an ``id`` gets a new one.

        Attributes become fields, everything else is data. A key that was decoded from an attribute, including
        an extension, is encoded as one. Raises EncodeError for an event without ``type`` or ``source``, and
        for invalid attributes.
        """
        message_type, context = event_type(payload), self._source_attributes(payload)
        attributes = {name: value for name, value in context.items() if payload.get(name) == value}
        for name in ("type", *_STATED):
            value = payload.get(name)
            if name not in attributes and isinstance(value, str) and value:
                require_valid(name, value)
                attributes[name] = value
        if "source" not in attributes:
            raise EncodeError('a CloudEvent needs a "source", a string that says where it is from: "/shop"')
        attributes |= {"specversion": _VERSION, "type": message_type}
        attributes.setdefault("id", str(uuid.uuid4()))
        data = {
            name: value
            for name, value in payload.items()
            if name not in attributes or value != attributes[name]
        }
        # An event decoded without a content type is encoded without one.
        content_type = attributes.pop(_TYPE_OF_DATA, "" if "specversion" in payload else _JSON)
        _require_json(content_type, EncodeError)
        fields = {utf8(name, f"ce-{name}"): _header(name, value) for name, value in attributes.items()}
        if content_type:
            fields[b"content-type"] = utf8(_TYPE_OF_DATA, content_type)
        return checked_fields(fields | {b"data": json_bytes("data", data)}, self._max_bytes)

    def _source_attributes(self, payload: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the attributes that the payload was decoded from; empty if that is unknown."""
        if isinstance(payload, _Event):
            return payload.attributes
        if not isinstance(payload, Message) or not payload.fields:
            return {}
        try:
            data, attributes, _ = self._split_fields(dict(payload.fields))
        except DecodeError:  # the entry is of a stream with another codec
            return {}
        return {name: value for name, value in attributes.items() if name not in data}


def _structured_field(fields: Mapping[bytes, bytes]) -> bytes | None:
    """Return the field that holds a whole event; None if the entry has the binary form."""
    if _STRUCTURED in fields:
        return _STRUCTURED
    names = [name for name in fields if name.lower() not in _CONTENT_TYPES]
    if len(names) == 1 and not names[0].lower().startswith(_PREFIXES):
        return names[0]
    return None


def _structured(event: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return attributes and data of an event in JSON."""
    attributes = {
        name: _attribute(name, value)
        for name, value in event.items()
        if value is not None and name not in ("data", "data_base64")
    }
    data, encoded = event.get("data"), event.get("data_base64")
    if data is not None and encoded is not None:
        raise DecodeError('the CloudEvent has both "data" and "data_base64"')
    if encoded is not None and not attributes.get(_TYPE_OF_DATA):
        raise DecodeError('"data_base64" without a "datacontenttype" is binary, and only JSON is read')
    _require_json(attributes.get(_TYPE_OF_DATA))
    if encoded is not None:
        return attributes, read_object(_from_base64(encoded), "data_base64")
    if data is not None and not isinstance(data, dict):
        raise DecodeError(f'"data" of the CloudEvent is {describe_kind(data)}, and a payload is an object')
    return attributes, data or {}


def _attribute(name: str, value: Any) -> str:
    """Return an attribute as a string, as in the binary form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise DecodeError(f"the attribute {short_repr(name)} of the CloudEvent is {describe_kind(value)}")


def _from_base64(encoded: Any) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise DecodeError('"data_base64" of the CloudEvent is not base64') from None


def _binary(fields: Mapping[bytes, bytes]) -> tuple[dict[str, str], dict[str, Any], dict[bytes, bytes]]:
    """Return attributes, data, and the other fields."""
    lower = {name.lower(): value for name, value in fields.items()}  # Go's HTTP headers are Ce-Id
    prefixed = {name: value for name, value in lower.items() if name.startswith(_PREFIXES)}
    if not prefixed:
        raise DecodeError(_NOT_AN_EVENT)
    attributes = decode_strings({name[3:]: value for name, value in prefixed.items()})
    for name in prefixed:
        if name.startswith(_HEADER):
            attribute = name[3:].decode()
            attributes[attribute] = from_header(attribute, attributes[attribute])
    stated = [lower[name] for name in _CONTENT_TYPES if name in lower]
    if stated:
        attributes[_TYPE_OF_DATA] = stated[0].decode(errors="replace")
    _require_json(attributes.get(_TYPE_OF_DATA))
    others = {
        name: value for name, value in fields.items() if name.lower() not in prefixed and name != b"data"
    }
    return attributes, _binary_data(fields), others


def _binary_data(fields: Mapping[bytes, bytes]) -> dict[str, Any]:
    data = fields.get(b"data", b"")
    return read_object(data) if data else {}


def _require_json(content_type: str | None, error: type[DecodeError | EncodeError] = DecodeError) -> None:
    media_type = (content_type or _JSON).partition(";")[0].strip().lower()
    if not media_type.endswith(("/json", "+json")):
        doing = "read" if error is DecodeError else "written"
        raise error(f"the data of the CloudEvent is {short_repr(media_type)}, and only JSON is {doing}")


def _header(name: str, value: str) -> bytes:
    utf8(name, value)  # raises EncodeError for half of a surrogate pair
    return to_header(value).encode()


def _check(attributes: Mapping[str, str]) -> None:
    missing = [name for name in _REQUIRED if not attributes.get(name)]
    if missing:
        names = " and no ".join(f'"{name}"' for name in missing)
        raise DecodeError(f"the CloudEvent has no {names}")
    if attributes["specversion"] != _VERSION:
        version = short_repr(attributes["specversion"])
        raise DecodeError(f"the CloudEvent is of version {version}, and only 1.0 is read")
