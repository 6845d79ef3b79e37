"""Resolve and reopen failures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from streamroute.board.action import ActionOutcome, BoardAction, Question
from streamroute.board.actions.fields import reason_field, signature_field, stream_field
from streamroute.board.errors import PageNotFoundError
from streamroute.ops.audit import Audit
from streamroute.ops.dead_letters.groups import mark_groups
from streamroute.text.counted import counted

if TYPE_CHECKING:
    from streamroute.board.action import Fields
    from streamroute.board.service import BoardService
    from streamroute.ops.dead_letters.groups import StreamGroup


async def rows_of(service: BoardService, fields: Fields) -> Sequence[StreamGroup]:
    """Return the failure that the fields name; raises PageNotFoundError if it is gone."""
    stream, signature = stream_field(service, fields), signature_field(fields)
    report = await service.failures()
    rows = [row for row in report.of(signature) if row.stream == stream]
    if not rows:
        raise PageNotFoundError("there is no such failure any more")
    return rows


def failure_page(fields: Fields) -> str:
    """Return the page of the failure."""
    return f"/failures/{quote(fields['stream'], safe='')}/{quote(fields['signature'], safe='')}"


async def _ask(service: BoardService, fields: Fields, *, resolved: bool) -> Question:
    [row] = await rows_of(service, fields)
    count = row.group.count
    if not count:  # its letters were retried or dropped; the failure itself is what is marked
        verb = "Mark this failure as resolved" if resolved else "Open this failure again"
        return Question(f"{verb}? It has no dead letters now.")
    letters = counted(count, "dead letter")
    if resolved:
        return Question(f"Mark this failure of {letters} as resolved? The letters stay.", count)
    return Question(f"Open this failure of {letters} again?", count)


async def _do(service: BoardService, fields: Fields, who: str, *, resolved: bool) -> ActionOutcome:
    rows, reason = await rows_of(service, fields), reason_field(fields)
    marked = await mark_groups(
        service.redis, rows, Audit(service.redis, who), resolved=resolved, reason=reason
    )
    service.forget_readings()
    if not marked:
        return ActionOutcome(
            "the failure is gone: its letters were retried or dropped meanwhile", is_ok=False
        )
    return ActionOutcome("the failure is resolved" if resolved else "the failure is open again")


RESOLVE: Final = BoardAction(
    "resolve",
    "Mark as resolved",
    partial(_ask, resolved=True),
    partial(_do, resolved=True),
    failure_page,
    takes_reason=True,
)
REOPEN: Final = BoardAction(
    "reopen", "Open again", partial(_ask, resolved=False), partial(_do, resolved=False), failure_page
)
