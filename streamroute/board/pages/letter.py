"""One dead letter: why it failed, its message, its attempts, and what the routes do with it now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.codecs.builtin import CODEC_NAMES
from streamroute.board.errors import PageNotFoundError
from streamroute.board.letter_pages import find_letter
from streamroute.board.page import Page
from streamroute.board.pages.explain import explained
from streamroute.board.parameters import id_parameter, stream_parameter
from streamroute.ops.dead_letters.query import DeadLetterQuery
from streamroute.ops.explain.explanation import explain_entry
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService

LONGEST_FIELD: Final = 50_000
"""Characters of a field that are shown."""


async def load(service: BoardService, request: Request) -> Mapping[str, Any]:
    """Return the values of the page."""
    stream, letter_id = stream_parameter(service, request), id_parameter(request)
    found = await find_letter(service.redis, service.document, stream, letter_id)
    if found is None:
        raise PageNotFoundError(
            f"there is no dead letter {letter_id} of {stream}: it may have been retried or dropped"
        )
    letter, query = found.shown, DeadLetterQuery(service.redis, service.document)
    values = {
        "title": f"Dead letter {letter_id}",
        "stream": stream,
        "letter": letter,
        "record": letter.record,
        "refusal": query.requeue_refusal(found),
        "now": await query.now(),
        "fields": {} if letter.record is None else shown_fields(letter.record.fields),
        "explanation": None,
    }
    if found.record is None:
        return values
    return {**values, **await explained_entry(service, stream, found.record.fields)}


async def explained_entry(
    service: BoardService, stream: str, fields: Mapping[bytes, bytes]
) -> Mapping[str, Any]:
    """Return what the routes do with an entry now, as values for the template of an explanation.

    A codec of the project itself is not imported here: then there is no explanation.
    """
    if service.document.streams[stream].codec not in CODEC_NAMES:
        return {"explanation": None}
    async with service.computing:
        return explained(await asyncio.to_thread(explain_entry, service.config.compiled, fields, stream))


def shown_fields(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return raw fields as texts; bytes that are no text are escaped, long values are cut."""
    return {_text(name, 500): _text(value, LONGEST_FIELD) for name, value in fields.items()}


def _text(value: bytes, limit: int) -> str:
    return clip(value[: 4 * limit].decode("utf-8", "backslashreplace"), limit)


PAGE: Final = Page("/letter/{stream}/{id}", "Dead letter", "letter.html", load)
