"""Read the form of a request."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from streamroute.board.access.gate import is_intended

_MAX_FIELDS: Final = 200
_TYPE: Final = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> FormData:
    """Return the fields of a form; raises what ``parse_form`` raises, and HTTPException 403 if its CSRF token
    is wrong.
    """
    form = await parse_form(request)
    if not is_intended(request.state.visitor, form, request.headers):
        raise HTTPException(403, "the form is out of date: reload the page, and try again")
    return form


async def parse_form(request: Request) -> FormData:
    """Return the fields of a form of anybody, in UTF-8 and URL-encoded; empty if there is no body.

    Forms with files are refused, since the board has none: their parser takes the names of character sets
    from the request, and some of Python's decoders need quadratic time. Raises HTTPException 415 for them,
    400 for too many fields.
    """
    body = await request.body()
    if not body:
        return FormData()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise HTTPException(415, f"a form must be sent as {_TYPE}")
    if body.count(b"&") >= _MAX_FIELDS:
        raise HTTPException(400, f"a form may have {_MAX_FIELDS} fields")
    text = body.decode("ascii", "replace")
    return FormData([*parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace")])


def field(form: FormData, name: str) -> str:
    """Return the value of a field without white space around it; empty if it is missing."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""
