"""Dead letters: grouped by failure, those of one failure, and one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.api.endpoint import ApiEndpoint
from streamroute.board.pages import failure, failures, letter
from streamroute.ops.dead_letters.group_object import group_object
from streamroute.ops.dead_letters.letter_object import letter_object

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService


async def _failures(service: BoardService, request: Request) -> Mapping[str, Any]:
    values = await failures.load(service, request)
    report = values["report"]
    return {
        "letters": report.letters,
        "groups": [group_object(row, report.now) for row in values["rows"]],
        "notes": report.notes,
        "left_out": values["left_out"],
    }


async def _failure(service: BoardService, request: Request) -> Mapping[str, Any]:
    values = await failure.load(service, request)
    page = values["page"]
    return {
        **group_object(values["row"], values["now"]),
        "letters": [letter_object(each, full=False) for each in page.letters],
        "scanned": page.scanned,
        "next": page.next or None,
        "filter_problem": values["failed"],
    }


async def _letter(service: BoardService, request: Request) -> Mapping[str, Any]:
    values = await letter.load(service, request)
    return {**letter_object(values["letter"], full=True), "refusal": values["refusal"]}


FAILURES: Final = ApiEndpoint(
    "/failures", "Dead letters grouped by failure; ?state= is open, came back or resolved.", _failures
)
FAILURE: Final = ApiEndpoint(
    "/failures/{stream}/{signature}",
    'One failure and its letters; ?where= filters payloads, ?after= is the "next" of the page before.',
    _failure,
)
LETTER: Final = ApiEndpoint("/letters/{stream}/{id}", "One dead letter, with its message.", _letter)
