"""Records: what is written of a failure is read again, whatever wrote it."""

from __future__ import annotations

import json

import pytest

from streamroute.adapters.packing import pack_fields
from streamroute.adapters.records import DeadRecord, RetryRecord
from streamroute.errors import DecodeError
from streamroute.message import Message
from streamroute.values import DeadLetter, Failure

FAILURE = Failure("thank", 1, "ValueError: no luck", "", 1.5)


def test_a_retry_is_read_as_it_was_written() -> None:
    record = RetryRecord("1-0", frozenset({"a", "b"}), 3, {b"type": b"booked", b"\xff": b"\x00"}, (FAILURE,))
    assert RetryRecord.unpack(record.pack()) == record


def test_a_retry_without_a_history_is_read_too() -> None:
    packed = pack_fields({b"_streamroute": b'{"v": 1, "id": "1-0", "routes": ["a"], "attempt": 2}'})
    assert RetryRecord.unpack(packed) == RetryRecord("1-0", frozenset({"a"}), 2, {})


@pytest.mark.parametrize("facts", ["[]", "{}", '{"id": "1-0", "routes": 7, "attempt": 1}', "no json"])
def test_damaged_facts_are_an_error(facts: str) -> None:
    with pytest.raises(DecodeError):
        RetryRecord.unpack(pack_fields({b"_streamroute": facts.encode()}))
    with pytest.raises(DecodeError):
        DeadRecord.read({b"_streamroute": facts.encode()})


def test_a_damaged_history_is_an_error() -> None:
    facts = {"id": "1-0", "routes": ["a"], "attempt": 2, "history": [{"odd": 1}]}
    with pytest.raises(DecodeError):
        RetryRecord.unpack(pack_fields({b"_streamroute": json.dumps(facts).encode()}))


def test_a_dead_letter_is_read_as_it_was_written() -> None:
    message = Message({"type": "booked"}, id="1-0", stream="s", group="g", history=(FAILURE,))
    message.fields = {b"type": b"booked"}
    record = DeadRecord.of(message, DeadLetter("thank", "no", "E: x", "Traceback", 2), "abc123")
    again = DeadRecord.read(record.write())
    assert again == record
    assert (again.generation, again.history) == ("abc123", (FAILURE,))


def test_a_dead_letter_of_an_earlier_release_is_read() -> None:
    facts: dict[str, object] = {"v": 1, "id": "1-0", "stream": "s", "group": "g", "route": None}
    facts |= {"reason": "no", "error": "", "traceback": "", "attempt": 1, "deliveries": 1}
    record = DeadRecord.read({b"_streamroute": json.dumps(facts).encode(), b"type": b"booked"})
    assert (record.type, record.routes, record.history, record.trace) == (None, (), (), {})
