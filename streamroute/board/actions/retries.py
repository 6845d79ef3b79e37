"""Run waiting retries now, or cancel them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from streamroute.board.action import ActionOutcome, BoardAction, Question
from streamroute.board.actions.fields import reason_field, stream_field
from streamroute.board.errors import InvalidInputError
from streamroute.ops.audit import Audit, group_keys
from streamroute.ops.retries.actions import cancel_retries, run_retries
from streamroute.ops.retries.query import RetryQuery, RetrySelection
from streamroute.text.counted import counted

if TYPE_CHECKING:
    from streamroute.board.action import Fields
    from streamroute.board.service import BoardService
    from streamroute.ops.retries.query import StreamRetries


async def _selected(service: BoardService, fields: Fields) -> list[StreamRetries]:
    """Return the retries of one message (``id``), of a route, or of a whole stream."""
    stream = service.document.streams[stream_field(service, fields)]
    ids = [fields["id"]] if fields.get("id") else []
    routes = [fields["route"]] if fields.get("route") else []
    if not ids and not routes and fields.get("all") != "yes":
        raise InvalidInputError("no retry is named")
    return await RetryQuery(service.redis, [stream]).select(RetrySelection(ids, routes))


async def _ask(service: BoardService, fields: Fields, *, verb: str, notes: tuple[str, ...]) -> Question:
    count = sum(len(found.selected) for found in await _selected(service, fields))
    return Question(f"{verb} {counted(count, 'waiting retry', 'waiting retries')}?", count, notes)


async def _run(service: BoardService, fields: Fields, who: str) -> ActionOutcome:
    found = await _selected(service, fields)
    count = sum([await run_retries(each) for each in found])
    await _audit(service, fields, who, "retries run", count)
    return ActionOutcome(f"{counted(count, 'retry', 'retries')} {'runs' if count == 1 else 'run'} now")


async def _cancel(service: BoardService, fields: Fields, who: str) -> ActionOutcome:
    found, reason = await _selected(service, fields), reason_field(fields)
    results = [await cancel_retries(each, who, reason) for each in found]
    cancelled, damaged = (sum(counts) for counts in zip(*results, strict=True)) if results else (0, 0)
    await _audit(service, fields, who, "retries cancel", cancelled)
    text = f"{counted(cancelled, 'retry', 'retries')} cancelled: the messages are dead letters now"
    return ActionOutcome(f"{text}; {damaged} damaged ones stay" if damaged else text, is_ok=not damaged)


async def _audit(service: BoardService, fields: Fields, who: str, action: str, count: int) -> None:
    service.forget_readings()
    target = fields.get("id") or (f"route {fields['route']}" if fields.get("route") else "all")
    keys = group_keys(service.document, [fields["stream"]])
    reason = reason_field(fields)
    await Audit(service.redis, who).write(keys, action, target, count=count, reason=reason)


def _back(_fields: Fields) -> str:
    return "/retries"


RUN: Final = BoardAction("run-retries", "Run now", partial(_ask, verb="Run now:", notes=()), _run, _back)
CANCEL: Final = BoardAction(
    "cancel-retries",
    "Cancel",
    partial(_ask, verb="Cancel", notes=("The messages become dead letters, which can be retried.",)),
    _cancel,
    _back,
    is_dangerous=True,
    takes_reason=True,
)
