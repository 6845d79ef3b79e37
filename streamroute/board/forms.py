"""Read the form of a request."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from streamroute.board.access.gate import is_intended
from streamroute.board.http.body_limit import MAX_BODY

_MAX_FIELDS: Final = 200


async def read_form(request: Request) -> FormData:
    """Return the fields of a form without files; raises HTTPException 403 if its CSRF token is wrong."""
    form = await request.form(max_files=0, max_fields=_MAX_FIELDS, max_part_size=MAX_BODY)
    if not is_intended(request.state.visitor, form, request.headers):
        raise HTTPException(403, "the form is out of date: reload the page, and try again")
    return form


def field(form: FormData, name: str) -> str:
    """Return the value of a field without white space around it; empty if it is missing."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""
