"""CloudEvents 1.0, in either of two forms of an entry.

Structured: one field, by custom ``cloudevent``, holds the whole event as JSON. Binary: each attribute is a
field (``ce-id`` or ``ce_id``, ``ce-source``, ``ce-type`` ...) beside ``data`` and ``content-type``.

Sources: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md; there is no binding for
Redis Streams, so the binary form follows the one for Kafka.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.entry_fields import (
    MAX_BYTES,
    kind_of,
    read_object,
    refuse_unfit,
    sized,
    strings,
    type_of,
    utf8,
    written,
)
from streamroute.adapters.jsontext import shown
from streamroute.errors import DecodeError, EncodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION: Final = "1.0"
_REQUIRED: Final = ("specversion", "id", "source", "type")
_OPTIONAL: Final = ("subject", "time", "dataschema")
_PREFIXES: Final = (b"ce-", b"ce_")
_STRUCTURED: Final = b"cloudevent"
_CONTENT_TYPES: Final = (b"content-type", b"content_type")


class CloudEventsCodec:
    """The payload is the event's data, a JSON object, with the attributes beside it as strings.

    Of an attribute and data with the same key, the attribute ``type`` wins, and data wins for every other
    key. Data that is not JSON is refused.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """The payload of an entry; raises DecodeError for what is no CloudEvent with JSON data."""
        return self.separate(fields)[1]

    def separate(self, fields: dict[bytes, bytes]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The data alone, and the payload."""
        refuse_unfit(fields, self._max_bytes)
        name = _structured_field(fields)
        if name is None:
            attributes, data, others = _binary(fields)
        else:
            attributes, data = _structured(read_object(fields[name], shown(name)[2:-1]))
            others = {key: value for key, value in fields.items() if key != name}
        _check(attributes)
        beside = strings({key: value for key, value in others.items() if key not in _CONTENT_TYPES})
        return data, {**beside, **attributes, **data, "type": attributes["type"]}

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """The binary form; an event without an ``id`` gets a new one.

        Attributes are taken out of the payload, everything else is data. Raises EncodeError for an event
        without a ``type`` and a ``source``.
        """
        attributes = {"specversion": _VERSION, "type": type_of(payload)}
        for name in ("id", "source", *_OPTIONAL):
            value = payload.get(name)
            if isinstance(value, str) and value:
                attributes[name] = value
        if "source" not in attributes:
            raise EncodeError('a CloudEvent needs a "source", a string that says where it is from: "/shop"')
        attributes.setdefault("id", str(uuid.uuid4()))
        data = {
            name: value
            for name, value in payload.items()
            if name not in attributes or value != attributes[name]
        }
        fields = {utf8(name, f"ce-{name}"): utf8(name, value) for name, value in attributes.items()}
        fields[b"content-type"] = b"application/json"
        return sized(fields | {b"data": written("data", data)}, self._max_bytes)


def _structured_field(fields: Mapping[bytes, bytes]) -> bytes | None:
    """The field that holds a whole event, or None where the entry is of the binary form."""
    if _STRUCTURED in fields:
        return _STRUCTURED
    names = [name for name in fields if name not in _CONTENT_TYPES]
    if len(names) == 1 and not names[0].startswith(_PREFIXES):
        return names[0]
    return None


def _structured(event: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Attributes and data of an event in JSON."""
    attributes = {
        name: _attribute(name, value)
        for name, value in event.items()
        if value is not None and name not in ("data", "data_base64")
    }
    data, encoded = event.get("data"), event.get("data_base64")
    if data is not None and encoded is not None:
        raise DecodeError('the CloudEvent has both "data" and "data_base64"')
    _must_be_json(attributes.get("datacontenttype"))
    if encoded is not None:
        return attributes, read_object(_from_base64(encoded), "data_base64")
    if data is not None and not isinstance(data, dict):
        raise DecodeError(f'"data" of the CloudEvent is {kind_of(data)}, and a payload is an object')
    return attributes, data or {}


def _attribute(name: str, value: Any) -> str:
    """An attribute as a string: in the binary form every one is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise DecodeError(f"the attribute {shown(name)} of the CloudEvent is {kind_of(value)}")


def _from_base64(encoded: Any) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise DecodeError('"data_base64" of the CloudEvent is not base64') from None


def _binary(fields: Mapping[bytes, bytes]) -> tuple[dict[str, str], dict[str, Any], dict[bytes, bytes]]:
    """Attributes, data, and the fields that are neither."""
    prefixed = {name: value for name, value in fields.items() if name.startswith(_PREFIXES)}
    if not prefixed:
        raise DecodeError(
            'the entry is no CloudEvent: it has no field "cloudevent", and none such as "ce-type"'
        )
    attributes = strings({name[3:]: value for name, value in prefixed.items()})
    stated = [fields[name] for name in _CONTENT_TYPES if name in fields]
    if stated:
        attributes["datacontenttype"] = stated[0].decode(errors="replace")
    _must_be_json(attributes.get("datacontenttype"))
    data = fields.get(b"data", b"")
    others = {name: value for name, value in fields.items() if name not in prefixed and name != b"data"}
    return attributes, read_object(data) if data else {}, others


def _must_be_json(content_type: str | None) -> None:
    kind = (content_type or "application/json").partition(";")[0].strip().lower()
    if not kind.endswith(("/json", "+json")):
        raise DecodeError(f"the data of the CloudEvent is {shown(kind)}, and only JSON is read")


def _check(attributes: Mapping[str, str]) -> None:
    missing = [name for name in _REQUIRED if not attributes.get(name)]
    if missing:
        names = " and no ".join(f'"{name}"' for name in missing)
        raise DecodeError(f"the CloudEvent has no {names}")
    if attributes["specversion"] != _VERSION:
        version = shown(attributes["specversion"])
        raise DecodeError(f"the CloudEvent is of version {version}, and only 1.0 is read")
