"""The names and ids in the addresses of pages, checked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from streamroute.board.errors import InvalidInputError, PageNotFoundError
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService

_ID: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)


def stream_parameter(service: BoardService, request: Request) -> str:
    """Return the stream in the path; raises PageNotFoundError if it is not configured."""
    name: str = request.path_params["stream"]
    if name not in service.document.streams:
        raise PageNotFoundError(f'the stream "{clip(name, NAME)}" is not configured')
    return name


def id_parameter(request: Request) -> str:
    """Return the entry's id in the path; raises PageNotFoundError if it is none."""
    value: str = request.path_params["id"]
    if not is_id(value):
        raise PageNotFoundError(f'"{clip(value, NAME)}" is not the id of an entry')
    return value


def after_parameter(request: Request) -> str:
    """Return the id after which a list begins (default: 0-0); raises InvalidInputError if it is none."""
    value = request.query_params.get("after", "0-0")
    if not is_id(value):
        raise InvalidInputError("?after= is not the id of an entry")
    return value


def is_id(value: str) -> bool:
    """Whether a text is an id of an entry that Redis accepts."""
    return _ID.fullmatch(value) is not None and all(int(part) < 2**64 for part in value.split("-"))
