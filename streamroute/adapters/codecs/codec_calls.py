"""Calls codecs, which may be the user's: every exception becomes an error with a readable reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from streamroute.errors import DecodeError, EncodeError, StreamrouteError
from streamroute.logs.exception_text import error_text
from streamroute.system.forked import ExitForkedChild
from streamroute.text.limits import REASON
from streamroute.text.safe_text import redacted_str

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


def decoded(codec: Codec, fields: dict[bytes, bytes]) -> dict[str, Any]:
    """Return the payload of an entry; raises DecodeError if it cannot be decoded."""
    try:
        with ExitForkedChild():
            return codec.decode(fields)
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
