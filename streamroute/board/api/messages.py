"""One message: its entry, its retries and its dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.board.api.endpoint import ApiEndpoint
from streamroute.board.pages import message
from streamroute.ops.dead_letters.letter_object import fields_object, letter_object
from streamroute.ops.status.worker_status import running_object

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.board.service import BoardService


async def _message(service: BoardService, request: Request) -> Mapping[str, Any]:
    values = await message.load(service, request)
    entry = values["entry"]
    return {
        "stream": values["stream"],
        "id": values["entry_id"],
        "fields": None if entry is None else fields_object(entry),
        "running": [
            {"consumer": worker.consumer, **running_object(entry)} for worker, entry in values["running"]
        ],
        "retries": [retry.as_dict(values["now"]) for retry in values["retries"]],
        "letters": [letter_object(each, full=False) for each in values["letters"]],
        "trace_id": values["trace_id"],
    }


MESSAGE: Final = ApiEndpoint(
    "/messages/{stream}/{id}", "One message: its fields, where it runs, its retries and letters.", _message
)
