"""Headers of an event: facts beside its data, written in the way that its codec reads them back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.codecs.builtin import FieldsCodec, JsonCodec, TypedFieldsCodec
from streamroute.adapters.codecs.cloudevent_attributes import require_valid
from streamroute.adapters.codecs.cloudevents import CloudEventsCodec, with_attributes
from streamroute.adapters.codecs.codec_calls import decoded, encoded
from streamroute.adapters.codecs.entry_fields import MARKER, MAX_BYTES, checked_fields, utf8
from streamroute.errors import DecodeError, EncodeError
from streamroute.text.quoted_names import quoted_name

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec

_ATTRIBUTE: Final = re.compile(r"[a-z0-9]{1,200}")
_RESERVED: Final = frozenset({"type", "data", MARKER})
_OF_EVENT: Final = frozenset({"id", "specversion"})


def encoded_with_headers(
    codec: Codec, payload: Mapping[str, Any], headers: Mapping[str, str]
) -> dict[bytes, bytes]:
    """Return the fields of an entry with headers; raises EncodeError if the codec cannot carry them."""
    if not headers:
        return encoded(codec, payload)
    _check(headers)
    codec_type = type(codec)
    if codec_type is CloudEventsCodec:
        return encoded(codec, _with_attributes(payload, headers))
    if codec_type in (FieldsCodec, TypedFieldsCodec):
        _refuse_clash(payload, headers)
        return encoded(codec, {**payload, **headers})
    if codec_type is JsonCodec:
        _refuse_clash(payload, headers)
        return _with_fields(encoded(codec, payload), headers)
    return with_readable_fields(codec, encoded(codec, payload), headers)


def with_readable_fields(
    codec: Codec, fields: dict[bytes, bytes], headers: Mapping[str, str]
) -> dict[bytes, bytes]:
    """Return the fields of a user's codec with headers as further fields.

    Raises EncodeError if the codec cannot decode the entry any more.
    """
    for name in headers:
        if utf8(name, name) in fields:
            raise EncodeError(f"the codec writes a field {quoted_name(name)} itself; rename the header")
    joined = _with_fields(fields, headers)
    try:
        decoded(codec, dict(joined))
    except DecodeError as error:
        names = ", ".join(map(quoted_name, headers))
        raise EncodeError(f"the codec cannot read an entry with the header {names}: {error}") from None
    return joined


def _with_fields(fields: dict[bytes, bytes], headers: Mapping[str, str]) -> dict[bytes, bytes]:
    own = {utf8(name, name): utf8(name, value) for name, value in headers.items()}
    return checked_fields({**fields, **own}, MAX_BYTES)


def _check(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if type(name) is not str or not name or name in _RESERVED:
            raise EncodeError(f"a header cannot have the name {quoted_name(name)}")
        if type(value) is not str:
            raise EncodeError(f"the header {quoted_name(name)} is not a string; headers are strings")


def _refuse_clash(payload: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    for name in headers:
        if name in payload:
            raise EncodeError(f"{quoted_name(name)} is a header and a key of the data")


def _with_attributes(payload: Mapping[str, Any], headers: Mapping[str, str]) -> Mapping[str, Any]:
    for name, value in headers.items():
        if name in _OF_EVENT:
            raise EncodeError(f'{quoted_name(name)} is not a header of a CloudEvent here; pass id="..."')
        if not _ATTRIBUTE.fullmatch(name):
            raise EncodeError(
                f"{quoted_name(name)} cannot be an attribute of a CloudEvent: use lower-case letters and "
                "digits"
            )
        if not value:
            raise EncodeError(f"the attribute {quoted_name(name)} of a CloudEvent is empty")
        require_valid(name, value)
    _refuse_clash(payload, headers)
    return with_attributes(payload, headers)
