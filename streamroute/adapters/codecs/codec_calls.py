"""Calls of codecs, which may be the user's: whatever one raises, it is an error with a reason in words."""

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
    """The codec's method ``name``, which does what ``decode`` does in another way; None where it has none.

    A codec that has inherited it beside a ``decode`` of its own has none: it would be passed over.
    """
    for kind in type(codec).__mro__:
        method = vars(kind).get(name)
        if callable(method):
            bound: Callable[..., Any] = method.__get__(codec)
            return bound
        if not vars(kind).keys().isdisjoint(("decode", name)):
            return None
    return None


def decoded(codec: Codec, fields: dict[bytes, bytes]) -> dict[str, Any]:
    """The payload of an entry; raises DecodeError for one that cannot be read."""
    try:
        with ExitForkedChild():
            return codec.decode(fields)
    except KeyboardInterrupt:
        raise  # a command is ended
    except BaseException as error:
        raise DecodeError(_reason(error, DecodeError)) from error


def encoded(codec: Codec, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
    """The fields of an entry; raises EncodeError for a payload that the codec cannot hold."""
    try:
        with ExitForkedChild():
            return dict(codec.encode(payload))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise EncodeError(_reason(error, EncodeError)) from error


def _reason(error: BaseException, expected: type[StreamrouteError]) -> str:
    """What the codec says of itself, or what it did instead."""
    if issubclass(type(error), expected):
        return redacted_str(error, REASON)
    return f"the codec failed: {error_text(error)}"
