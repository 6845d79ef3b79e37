"""The fields of actions, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamroute.board.errors import InvalidInputError
from streamroute.board.parameters import is_id
from streamroute.text.limits import NAME
from streamroute.text.safe_text import one_line
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from streamroute.board.action import Fields
    from streamroute.board.service import BoardService

_MAX_REASON: Final = 500


def stream_field(service: BoardService, fields: Fields) -> str:
    """Return the stream; raises InvalidInputError if it is not configured."""
    name = fields.get("stream", "")
    if name not in service.document.streams:
        raise InvalidInputError(f'the stream "{clip(name, NAME)}" is not configured')
    return name


def id_field(fields: Fields) -> str:
    """Return the id of an entry; raises InvalidInputError if it is none."""
    value = fields.get("id", "")
    if not is_id(value):
        raise InvalidInputError(f'"{clip(value, NAME)}" is not the id of an entry')
    return value


def signature_field(fields: Fields) -> str:
    """Return the signature of a failure; raises InvalidInputError if there is none."""
    value = fields.get("signature", "")
    if not value:
        raise InvalidInputError("no failure is named")
    return value


def reason_field(fields: Fields) -> str:
    """Return the reason on one line; empty if none was given."""
    return clip(one_line(fields.get("reason", "").strip()), _MAX_REASON)
