"""A log record states the entry that it is about, whoever logs it and wherever the code runs."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from consuming import eventually
from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.adapters.entries.entry_pipeline import CodecPipeline
from streamroute.core.log_fields import EntryFields, EntryFieldsFilter
from streamroute.core.thread_call import ThreadCall
from streamroute.delivery import Delivery
from streamroute.logs.record_facts import about_entry, about_failure, fields_of
from streamroute.message import Message
from streamroute.payload_redaction import PayloadRedactor
from worker_pools import opened

log = logging.getLogger("shop")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Records(logging.Handler):
    """The records of all loggers, with their fields."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(EntryFieldsFilter())
        self.found: list[tuple[str, dict[str, Any] | None]] = []

    def emit(self, record: logging.LogRecord) -> None:
        fields = fields_of(record)
        self.found.append((record.getMessage(), None if fields is None else dict(fields.as_dict())))


@pytest.fixture
def records() -> Iterator[Records]:
    handler = Records()
    earlier = log.level
    log.addHandler(handler)
    log.setLevel("INFO")
    yield handler
    log.removeHandler(handler)
    log.setLevel(earlier)


def message(entry_id: str = "1-0", **payload: Any) -> Message:
    pipeline = CodecPipeline(JsonCodec(), "abc123", PayloadRedactor(["guest.email"]))
    delivery = Delivery(entry_id=entry_id, pipeline=pipeline, running_route="welcome")
    fields = {b"type": b"t", b"traceparent": TRACE.encode()}
    return Message(
        {"type": "t", **payload}, id=entry_id, stream="events", attempt=2, fields=fields, delivery=delivery
    )


FIELDS = {
    "stream": "events",
    "id": "1-0",
    "type": "t",
    "route": "welcome",
    "attempt": 2,
    "generation": "abc123",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
}


async def test_what_a_handler_logs_has_the_fields_of_its_entry(records: Records) -> None:
    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        log.info("at once %s", entry_id)
        await asyncio.sleep(0)
        log.info("later %s", entry_id)
        await ThreadCall(lambda: log.info("in a thread %s", entry_id)).result()

    async with opened(2, handle) as pool:
        pool.put([("1-0", message("1-0")), ("2-0", message("2-0"))])
        await eventually(lambda: len(records.found) == 6)
    log.info("outside")
    expected: dict[str, Any] = {"outside": None}
    for entry_id in ("1-0", "2-0"):
        for when in ("at once", "later", "in a thread"):
            expected[f"{when} {entry_id}"] = FIELDS | {"id": entry_id}
    assert dict(records.found) == expected


async def test_a_task_that_outlives_its_entry_is_not_taken_for_the_next_one(records: Records) -> None:
    started: list[asyncio.Task[None]] = []
    proceed = asyncio.Event()

    async def left_behind() -> None:
        await proceed.wait()
        log.info("left behind")

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        if not started:
            started.append(asyncio.create_task(left_behind()))
        else:
            proceed.set()
            await started[0]

    async with opened(1, handle) as pool:
        pool.put([("1-0", message("1-0")), ("2-0", message("2-0"))])
        await eventually(lambda: bool(records.found))
    assert records.found == [("left behind", None)]


def test_a_record_names_its_own_entry_route_and_error(records: Records) -> None:
    extra = {**about_entry(message()), **about_failure("charge", "ValueError")}
    log.error("lost", extra=extra)
    assert records.found == [("lost", FIELDS | {"route": "charge", "error_class": "ValueError"})]


@pytest.mark.parametrize(
    "payload",
    [{}, {"type": 7}, Message({}), Message({"type": object()}, id="1-0"), Message({"type": "t" * 10_000})],
)
def test_fields_of_any_payload_are_bounded_and_known_or_left_out(payload: dict[str, Any]) -> None:
    fields = EntryFields(payload, None, "").as_dict()
    assert len(json.dumps(fields)) < 1_000
    assert all(type(value) in (str, int) and value for value in fields.values())


def test_a_line_lacks_its_entry_unless_it_names_it() -> None:
    fields = EntryFields(message(), "welcome", "")
    assert fields.where("failed") == "route welcome, entry 1-0 of events"
    assert fields.where("route welcome failed") == "entry 1-0 of events"
    assert fields.where("entry 1-0 failed") == ""
    assert EntryFields({"type": "t"}, "welcome", "").where("failed") == ""


def test_a_line_shows_no_hidden_value_of_its_entry() -> None:
    fields = EntryFields(message(guest={"email": "ann@example.com"}), None, "")
    assert fields.redact("no guest 'ann@example.com'") == "no guest '(redacted)'"
    assert EntryFields({"guest": {"email": "ann"}}, None, "").redact("ann") == "ann"
