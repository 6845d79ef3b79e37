"""Calls codecs, which may be the user's: every exception becomes an error with a readable reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from streamroute.errors import DecodeError, EncodeError, StreamrouteError
from streamroute.logs.exception_text import error_text
from streamroute.system.forked import ExitForkedChild
from streamroute.text.limits import REASON
from streamroute.text.safe_text import redacted_str, type_name

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec


def optional_decoder(codec: Codec, name: str) -> Callable[..., Any] | None:
    """Return the codec's method ``name``, an alternative to ``decode``, or None.

    Returns None if the codec inherits the method but overrides ``decode``, which would be skipped.
    """
    for ancestor in type(codec).__mro__:
        method = vars(ancestor).get(name)
        if callable(method):
            bound: Callable[..., Any] = method.__get__(codec)
            return bound
        if not vars(ancestor).keys().isdisjoint(("decode", name)):
            return None
    return None


def type_field_of(codec: Codec) -> bytes | None:
    """Return the field whose value is the type of every entry that has it, undecoded, or None.

    Codecs declare it in ``type_field``. One that decodes in another way than its ancestor may change types.
    """
    for ancestor in type(codec).__mro__:
        declared = vars(ancestor)
        if not declared.keys().isdisjoint(("decode", "decode_fast", "type_field")):
            field = declared.get("type_field")
            return field if isinstance(field, bytes) else None
    return None


def plain_payload(payload: Any) -> dict[str, Any]:
    """Return what a codec returned as a plain dict, with its type as a plain string.

    Raises DecodeError for any object but a dict, and what the methods of a user's dict raise.
    """
    if not issubclass(type(payload), dict):
        raise DecodeError(f"the codec returned {type_name(payload)}, and a payload is a dict")
    plain: dict[str, Any] = payload if type(payload) is dict else dict(payload)
    message_type = plain.get("type")
    if type(message_type) is not str and issubclass(type(message_type), str):
        plain["type"] = str.__str__(message_type)
    return plain


def decoded(codec: Codec, fields: dict[bytes, bytes]) -> dict[str, Any]:
    """Return the payload of an entry, a plain dict; raises DecodeError if it cannot be decoded."""
    try:
        with ExitForkedChild():
            payload: object = codec.decode(fields)
            return plain_payload(payload)
    except KeyboardInterrupt:
        raise  # the user interrupts a command
    except BaseException as error:
        raise DecodeError(_reason(error, DecodeError)) from error


def encoded(codec: Codec, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Return the fields of an entry; raises EncodeError if the codec cannot encode the payload."""
    try:
        with ExitForkedChild():
            return dict(codec.encode(payload))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise EncodeError(_reason(error, EncodeError)) from error


def _reason(error: BaseException, expected: type[StreamrouteError]) -> str:
    """Return the message of an ``expected`` error, or a description of any other."""
    if issubclass(type(error), expected):
        return redacted_str(error, REASON)
    return f"the codec failed: {error_text(error)}"
