"""Retry and drop single dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from streamroute.board.action import ActionOutcome, BoardAction, Question
from streamroute.board.actions.fields import id_field, reason_field, stream_field
from streamroute.board.errors import PageNotFoundError
from streamroute.board.letter_pages import GONE, find_letter
from streamroute.ops.audit import Audit, group_keys
from streamroute.ops.dead_letters.actions import ActionResult, drop_page, retry_page
from streamroute.ops.dead_letters.query import DeadLetterPage, DeadLetterQuery

if TYPE_CHECKING:
    from streamroute.board.action import Fields
    from streamroute.board.service import BoardService
    from streamroute.ops.dead_letters.letter import StreamLetter


async def letter_of(service: BoardService, fields: Fields) -> StreamLetter:
    """Return the letter that the fields name; raises PageNotFoundError if it is gone."""
    stream, letter_id = stream_field(service, fields), id_field(fields)
    letter = await find_letter(service.redis, service.document, stream, letter_id)
    if letter is None:
        raise PageNotFoundError(GONE)
    return letter


def letter_page(fields: Fields) -> str:
    """Return the page of the letter."""
    return f"/letter/{quote(fields['stream'], safe='')}/{fields['id']}"


async def _ask_retry(service: BoardService, fields: Fields) -> Question:
    letter = await letter_of(service, fields)
    refusal = DeadLetterQuery(service.redis, service.document).requeue_refusal(letter)
    if refusal is not None:
        return Question(f"This message cannot run again: {refusal}.", 0)
    return Question("Run this message again, from its first attempt?", 1)


async def _retry(service: BoardService, fields: Fields, who: str) -> ActionOutcome:
    letter, result = await letter_of(service, fields), ActionResult()
    await retry_page(DeadLetterQuery(service.redis, service.document), DeadLetterPage([letter], 1), result)
    if result.refused:
        return ActionOutcome(f"the message cannot run again: {next(iter(result.refused))}", is_ok=False)
    return await _audited(service, "dead retry", fields, who, result, "the message runs again")


async def _ask_drop(service: BoardService, fields: Fields) -> Question:
    await letter_of(service, fields)
    return Question("Delete this dead letter for good? Its message is lost.", 1)


async def _drop(service: BoardService, fields: Fields, who: str) -> ActionOutcome:
    letter, result = await letter_of(service, fields), ActionResult()
    await drop_page(DeadLetterPage([letter], 1), result)
    return await _audited(service, "dead drop", fields, who, result, "the dead letter is deleted")


async def _audited(
    service: BoardService, action: str, fields: Fields, who: str, result: ActionResult, text: str
) -> ActionOutcome:
    service.forget_readings()
    if not result.done:
        return ActionOutcome(GONE, is_ok=False)
    keys = group_keys(service.document, [fields["stream"]])
    await Audit(service.redis, who).write(keys, action, fields["id"], count=1, reason=reason_field(fields))
    return ActionOutcome(text)


def _failures(_fields: Fields) -> str:
    return "/failures"


RETRY: Final = BoardAction("retry-letter", "Retry", _ask_retry, _retry, _failures)
DROP: Final = BoardAction(
    "drop-letter", "Delete", _ask_drop, _drop, _failures, is_dangerous=True, takes_reason=True
)
