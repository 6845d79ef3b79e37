"""One message: its fields, its attempts, and what the routes do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.groups.entry_lookup import read_entry
from streamroute.board.errors import PageNotFoundError
from streamroute.board.letter_pages import letters_of_message
from streamroute.board.page import Page
from streamroute.board.pages.letter import explained_entry, shown_fields
from streamroute.board.parameters import id_parameter, stream_parameter
from streamroute.ops.retries.query import RetryQuery, RetrySelection
from streamroute.payload_redaction import PayloadRedactor
from streamroute.trace_context import context_values, parse_trace_context

if TYPE_CHECKING:
    from starlette.requests import Request

    from streamroute.adapters.snapshots.worker_snapshot import RunningEntry
    from streamroute.board.service import BoardService
    from streamroute.ops.retries.waiting_retry import WaitingRetry
    from streamroute.ops.status.stream_status import StreamStatus
    from streamroute.ops.status.worker_status import WorkerStatus

_MAX_RETRIES: Final = 50


async def load(service: BoardService, request: Request) -> Mapping[str, Any]:
    """Return the values of the page."""
    stream, entry_id = stream_parameter(service, request), id_parameter(request)
    status = await service.status()
    fields = await read_entry(service.redis, stream, entry_id)
    async with service.computing:
        letters = await letters_of_message(service.redis, service.document, stream, entry_id)
        retries = await _retries(service, stream, entry_id)
    if fields is None and not letters and not retries:
        raise PageNotFoundError(f"{stream} has no entry {entry_id}, no retry and no dead letter of it")
    redactor = PayloadRedactor(service.document.redact)
    entry = None if fields is None else redactor.redact_fields(fields)
    values = {
        "title": f"Message {entry_id}",
        "stream": stream,
        "entry_id": entry_id,
        "now": status.time,
        "entry": entry,
        "fields": None if entry is None else shown_fields(entry),
        "letters": letters,
        "retries": retries,
        "running": _running([each for each in status.streams if each.stream == stream], entry_id),
        "trace_url": service.trace_url,
        "trace_id": _trace_id(fields or {}),
        "explanation": None,
    }
    return values if fields is None else {**values, **await explained_entry(service, stream, fields)}


async def _retries(service: BoardService, stream: str, entry_id: str) -> Sequence[WaitingRetry]:
    document = service.document
    query = RetryQuery(service.redis, [document.streams[stream]], PayloadRedactor(document.redact))
    return (await query.listing(RetrySelection(ids=[entry_id]), _MAX_RETRIES)).first


def _running(streams: Sequence[StreamStatus], entry_id: str) -> list[tuple[WorkerStatus, RunningEntry]]:
    return [
        (worker, entry)
        for stream in streams
        for worker in stream.workers
        for entry in worker.running
        if entry.message_id == entry_id
    ]


def _trace_id(fields: Mapping[bytes, bytes]) -> str:
    parent, state = context_values(fields)
    context = None if parent is None else parse_trace_context(parent, state)
    return "" if context is None else context.trace_id


PAGE: Final = Page("/message/{stream}/{id}", "Message", "message.html", load)
