"""What is kept of failures is read back as it was, and damage is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misbehaving import Text, Unspeakable
from streamroute.adapters.packing import pack_fields, unpack_fields
from streamroute.adapters.records import DeadRecord, RetryRecord, retry_record
from streamroute.errors import DecodeError
from streamroute.message import Message
from streamroute.values import DeadLetter, Failure, RetryLater

fields = st.dictionaries(st.binary(max_size=20), st.binary(max_size=50), max_size=10)
own_fields = fields.map(lambda found: {name: value for name, value in found.items() if name[:1] != b"_"})


@given(fields)
def test_packed_fields_are_unpacked_byte_for_byte(found: dict[bytes, bytes]) -> None:
    assert unpack_fields(pack_fields(found)) == found


@given(own_fields, st.frozensets(st.text(max_size=5), max_size=3), st.integers(1, 99))
def test_a_retry_is_read_as_it_was_written(
    found: dict[bytes, bytes], routes: frozenset[str], attempt: int
) -> None:
    record = RetryRecord("7-0", routes, attempt, found)
    assert RetryRecord.unpack(record.pack()) == record


@given(own_fields, st.text(), st.none() | st.text(max_size=5))
def test_a_dead_letter_is_read_as_it_was_written(
    found: dict[bytes, bytes], reason: str, route: str | None
) -> None:
    message = Message({}, id="7-0", stream="s", group="g", deliveries=2, fields=found)
    record = DeadRecord.of(message, DeadLetter(route, reason, "error", "trace", 3))
    assert DeadRecord.read(record.write()) == record


@pytest.mark.parametrize("packed", [b"", b"\x00", b"\x00\x00\x00\x09abc", pack_fields({b"a": b"b"})[:5]])
def test_a_damaged_retry_is_a_decode_error(packed: bytes) -> None:
    with pytest.raises(DecodeError):
        RetryRecord.unpack(packed)


@pytest.mark.parametrize("facts", [b"", b"[]", b"{}", b"\xff", b'{"v": 1, "id": "7-0"}'])
def test_damaged_facts_are_a_decode_error(facts: bytes) -> None:
    with pytest.raises(DecodeError):
        DeadRecord.read({b"_streamroute": facts})
    with pytest.raises(DecodeError):
        RetryRecord.unpack(pack_fields({b"_streamroute": facts}))


def test_a_long_traceback_keeps_its_two_ends() -> None:
    trace = "first call\n" + "x" * 100_000 + "\nlast call"
    record = DeadRecord.of(Message({}), DeadLetter(None, "no", traceback=trace))
    assert record.traceback.startswith("first call")
    assert record.traceback.endswith("last call")
    assert len(record.traceback) < 17_000


BIG = "x" * 10_000_000


def test_what_is_kept_of_a_failure_has_a_bound_and_the_fields_are_whole() -> None:
    """The letter is a few kilobytes longer than its entry, whatever was raised, and its history too."""
    fields = {b"type": BIG.encode(), b"traceparent": BIG.encode()}
    message = Message({"type": BIG, "traceparent": BIG}, id="1-0", stream="s", group="g", fields=fields)
    record = DeadRecord.of(message, DeadLetter("r", BIG, BIG, BIG))
    assert [len(text) for text in (record.reason, record.error)] == [4_500, 4_000]
    assert 15_000 < len(record.traceback) <= 16_000
    assert len(record.type or "") == 200
    assert record.fields == fields
    assert len(record.write()[b"_streamroute"]) < 30_000
    failure = record.as_failure()
    assert [len(text) for text in (failure.error, failure.reason)] == [500, 500]
    retry = retry_record(message, RetryLater("r", 1, 2, BIG))
    assert [len(failure.error) for failure in retry.history] == [500]
    assert len(retry.pack()) < sum(map(len, fields.values())) + 2_000


@pytest.mark.parametrize("make", [Unspeakable, lambda: Text("booked"), lambda: 7, list])
def test_what_a_codec_has_made_of_a_message_does_not_keep_it_from_its_letter(make: Any) -> None:
    message = Message({"type": make(), "traceparent": make()}, id="1-0", stream="s", group="g")
    record = DeadRecord.of(message, DeadLetter("r", "no"))
    assert DeadRecord.read(record.write()) == record


FAILURE = Failure("thank", 1, "ValueError: no luck", "", 1.5)


def test_a_retry_keeps_its_history() -> None:
    record = RetryRecord("1-0", frozenset({"a", "b"}), 3, {b"type": b"booked"}, (FAILURE,))
    assert RetryRecord.unpack(record.pack()) == record


def test_a_damaged_history_is_a_decode_error() -> None:
    facts = {"id": "1-0", "routes": ["a"], "attempt": 2, "history": [{"odd": 1}]}
    with pytest.raises(DecodeError):
        RetryRecord.unpack(pack_fields({b"_streamroute": json.dumps(facts).encode()}))


def test_a_dead_letter_keeps_its_history_and_its_configuration() -> None:
    message = Message({"type": "booked"}, id="1-0", stream="s", group="g", history=(FAILURE,))
    record = DeadRecord.of(message, DeadLetter("thank", "no", "E: x", "Traceback", 2), "abc123")
    again = DeadRecord.read(record.write())
    assert (again.generation, again.history, again.type) == ("abc123", (FAILURE,), "booked")


def test_a_dead_letter_of_an_earlier_release_is_read() -> None:
    facts: dict[str, object] = {"v": 1, "id": "1-0", "stream": "s", "group": "g", "route": None}
    facts |= {"reason": "no", "error": "", "traceback": "", "attempt": 1, "deliveries": 1}
    record = DeadRecord.read({b"_streamroute": json.dumps(facts).encode(), b"type": b"booked"})
    assert (record.type, record.routes, record.history, record.trace) == (None, (), (), {})
