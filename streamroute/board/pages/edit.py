"""Edit the payload of a dead letter, and retry it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from starlette.exceptions import HTTPException

from streamroute.board.action import ActionOutcome
from streamroute.board.errors import InvalidInputError, PageNotFoundError
from streamroute.board.forms import field, read_form
from streamroute.board.letter_pages import GONE, find_letter
from streamroute.board.page import Page
from streamroute.board.parameters import id_parameter, stream_parameter
from streamroute.ops.audit import Audit
from streamroute.ops.dead_letters.editing.document import InvalidEditError
from streamroute.ops.dead_letters.editing.edit import LetterEditor, editable, store_edit
from streamroute.ops.dead_letters.payloads import LetterPayloads
from streamroute.ops.dead_letters.query import DeadLetterQuery

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.adapters.entries.dead_record import DeadRecord
    from streamroute.board.service import BoardService
    from streamroute.ops.dead_letters.editing.edit import EditableLetter

_NAME: Final = "the payload"


async def load(service: BoardService, request: Request) -> Mapping[str, Any]:
    """Return the values of the page, or what storing the edit did.

    Raises HTTPException 403 if the visitor may not act.
    """
    visitor = request.state.visitor
    if visitor is None or not visitor.may_act:
        raise HTTPException(403, "you may read the board, but not act")
    stream, letter_id = stream_parameter(service, request), id_parameter(request)
    target = await _target(service, stream, letter_id)
    values = {"title": f"Edit {letter_id}", "stream": stream, "letter_id": letter_id}
    refusal = DeadLetterQuery(service.redis, service.document).requeue_refusal(target.letter)
    if request.method != "POST":
        return {**values, "text": target.text, "refusal": refusal}
    form = await read_form(request)
    text, keeps = field(form, "payload"), field(form, "keep") == "yes"
    try:
        edited = await _edited(service, target, text, visitor.identity.name)
    except InvalidEditError as error:
        return {**values, "text": text, "refusal": refusal, "problem": str(error)}
    problem = "the payload is unchanged" if edited is None else ""
    if refusal is not None and not keeps:
        problem = f"the message cannot run again: {refusal}"
    if edited is None or problem:
        return {**values, "text": text, "refusal": refusal, "problem": problem}
    outcome = await _store(service, target, edited, visitor.identity.name, keeps=keeps)
    if not outcome.is_ok:
        return {**values, "text": text, "refusal": refusal, "problem": outcome.text}
    failure = f"{quote(stream, safe='')}/{quote(target.letter.signature, safe='')}"
    return {"outcome": outcome, "next": "/failures" if not keeps else f"/failures/{failure}"}


async def _target(service: BoardService, stream: str, letter_id: str) -> EditableLetter:
    letter = await find_letter(service.redis, service.document, stream, letter_id)
    if letter is None:
        raise PageNotFoundError(GONE)
    try:
        return editable(letter, LetterPayloads(service.document, {}))
    except InvalidEditError as error:
        raise InvalidInputError(str(error)) from None


async def _edited(service: BoardService, target: EditableLetter, text: str, who: str) -> DeadRecord | None:
    """Return the record with the edited payload, which is checked in a thread; None if it is unchanged."""
    editor = LetterEditor(service.document, LetterPayloads(service.document, {}))
    async with service.computing:
        return await asyncio.to_thread(editor.edited_record, target, text.encode(), _NAME, who=who)


async def _store(
    service: BoardService, target: EditableLetter, edited: DeadRecord, who: str, *, keeps: bool
) -> ActionOutcome:
    stored = await store_edit(service.redis, target, edited, keep=keeps)
    service.forget_readings()
    if stored is None:
        return ActionOutcome(GONE, is_ok=False)
    result = f"edited: its new id is {stored}" if keeps else "edited and retried"
    letter_id = target.letter.stored.id
    await Audit(service.redis, who).write([target.keys], "dead edit", letter_id, count=1, result=result)
    return ActionOutcome(f"the dead letter was {result}")


PAGE: Final = Page("/letter/{stream}/{id}/edit", "Edit", "edit.html", load, takes_form=True)
