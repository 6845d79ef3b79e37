"""A stored retry is read back unchanged, and damage is reported."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import message_of
from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.adapters.entries.entry_pipeline import CodecPipeline
from streamroute.adapters.entries.field_packing import pack_fields, unpack_fields
from streamroute.adapters.entries.retry_record import RetryRecord, retry_record
from streamroute.delivery import ReplayDelivery
from streamroute.errors import DecodeError
from streamroute.message import Message
from streamroute.trace_context import TraceContext
from streamroute.values import Failure, RetryLater

names = st.binary(max_size=20) | st.just(b"_fields")
own_fields = st.dictionaries(names, st.binary(max_size=50), max_size=10).map(
    lambda found: {name: value for name, value in found.items() if name != b"_streamroute"}
)
FAILURE = Failure("thank", 1, "ValueError: no luck", "", 1.5, "abc123")


@given(own_fields, st.frozensets(st.text(max_size=5), max_size=3), st.integers(1, 99))
def test_a_retry_is_read_as_it_was_written(
    found: dict[bytes, bytes], routes: frozenset[str], attempt: int
) -> None:
    record = RetryRecord("7-0", routes, attempt, found)
    assert RetryRecord.unpack(record.pack()) == record


@pytest.mark.parametrize("packed", [b"", b"\x00", b"\x00\x00\x00\x09abc", pack_fields({b"a": b"b"})[:5]])
def test_a_damaged_retry_is_a_decode_error(packed: bytes) -> None:
    with pytest.raises(DecodeError):
        RetryRecord.unpack(packed)


@pytest.mark.parametrize("name", ["attempt", "routes", "unknown_since", "history"])
@pytest.mark.parametrize("value", ["1e400", "NaN", "[1]", "[" * 9_999 + "]" * 9_999, '{"a":1}', "9" * 5_000])
def test_a_retry_with_a_hostile_fact_is_a_decode_error(name: str, value: str) -> None:
    facts = {"v": 1, "id": "1-0", "routes": ["a"], "attempt": 1, name: "?"}
    packed = json.dumps(facts).replace('"?"', value).encode()
    with pytest.raises(DecodeError):
        RetryRecord.unpack(pack_fields({b"_streamroute": packed}))


def test_a_retry_keeps_its_history() -> None:
    record = RetryRecord("1-0", frozenset({"a", "b"}), 3, {b"type": b"booked"}, (FAILURE,))
    assert RetryRecord.unpack(record.pack()) == record


def test_a_retry_of_an_earlier_release_is_read() -> None:
    """Its filters accepted it, and a worker knew its route."""
    facts = json.dumps({"v": 1, "id": "1-0", "routes": ["thank"], "attempt": "2"}).encode()
    record = RetryRecord.unpack(pack_fields({b"_streamroute": facts, b"type": b"booked"}))
    assert record == RetryRecord("1-0", frozenset({"thank"}), 2, {b"type": b"booked"}, (), True, 0)
    assert record == RetryRecord("1-0", frozenset({"thank"}), 2, {b"type": b"booked"})


def test_a_retry_contains_only_necessary_fields() -> None:
    record = RetryRecord("1-0", frozenset({"b", "a"}), 2, {b"_streamroute": b"left over", b"n": b"1"})
    packed = unpack_fields(record.pack())
    assert json.loads(packed.pop(b"_streamroute")) == {
        "v": 1,
        "id": "1-0",
        "routes": ["a", "b"],
        "attempt": 2,
    }
    assert packed == {b"_streamroute~": b"left over", b"n": b"1"}
    assert record.name == "1-0|a,b|2"


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("unknown_since", [0, 77])
def test_a_retry_keeps_what_is_known_of_its_routes(accepted: bool, unknown_since: int) -> None:
    record = RetryRecord("1-0", frozenset({"a"}), 2, {}, accepted=accepted, unknown_since=unknown_since)
    assert RetryRecord.unpack(record.pack()) == record


def test_a_retry_of_a_message_remembers_its_failure_unless_it_is_postponed() -> None:
    facts: dict[str, Any] = {"id": "1-0", "attempt": 2, "fields": {b"n": b"1"}, "history": (FAILURE,)}
    pipeline = CodecPipeline(JsonCodec(), "abc")
    message = message_of({}, **facts, routes=frozenset({"a", "b"}), pipeline=pipeline)
    before = time.time()
    failed = retry_record(message, RetryLater("a", 5, 3, "no luck"))
    [_, failure] = failed.history
    assert before <= failure.time <= time.time()
    assert failure == Failure("a", 2, "no luck", "", failure.time, "abc")
    assert (failed.id, failed.routes, failed.attempt) == ("1-0", frozenset({"a"}), 3)
    assert failed.fields == {b"n": b"1"}
    assert (failed.accepted, failed.unknown_since) == (True, 0)
    postponed = retry_record(message, RetryLater("", 5, 2, "no worker", postponed=True, unknown_since=77))
    assert postponed.routes == {"a", "b"}
    assert tuple(postponed.history) == (FAILURE,)
    assert postponed.unknown_since == 77
    assert retry_record(Message({}), RetryLater("", 5, 2, "no worker")).routes == frozenset()
    many = retry_record(Message({}, history=[FAILURE] * 20), RetryLater("a", 5, 3, "last"))
    assert (len(many.history), many.history[-1].error) == (20, "last")


def test_a_retry_keeps_the_trace_of_the_attempt_before() -> None:
    trace = TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "v=1")
    message = message_of({"type": "booked"}, id="1-0", trace=trace)
    record = retry_record(message, RetryLater("thank", 1.0, 2, "no"))
    assert RetryRecord.unpack(record.pack()).trace == trace
    assert RetryRecord.unpack(record.pack()) == record


@pytest.mark.parametrize("trace", [7, None, [], {"traceparent": "x"}, {"traceparent": ["00"]}])
def test_a_damaged_trace_costs_no_retry(trace: Any) -> None:
    facts = json.dumps({"v": 1, "id": "1-0", "routes": ["thank"], "attempt": 2, "trace": trace}).encode()
    record = RetryRecord.unpack(pack_fields({b"_streamroute": facts, b"type": b"booked"}))
    assert record == RetryRecord("1-0", frozenset({"thank"}), 2, {b"type": b"booked"})


def test_a_retry_of_a_replay_is_another_one_than_that_of_the_message() -> None:
    record = RetryRecord("1-0", frozenset({"a"}), 2, {b"type": b"booked"}, replay="r-1f")
    assert RetryRecord.unpack(record.pack()) == record
    assert record.name == "1-0|a|2@r-1f"
    assert RetryRecord("1-0", frozenset({"a"}), 2, {}).name == "1-0|a|2"


@pytest.mark.parametrize("replay", [7, "", "a b", "x" * 65, ["r"], "a\n"])
def test_a_damaged_replay_id_is_none(replay: Any) -> None:
    facts = {"v": 1, "id": "1-0", "routes": ["a"], "attempt": 1, "replay": replay}
    packed = pack_fields({b"_streamroute": json.dumps(facts).encode()})
    assert RetryRecord.unpack(packed).replay is None


def test_a_failed_message_of_a_replay_keeps_its_id() -> None:
    message = message_of({"type": "t"}, routes=frozenset({"a"}), delivery=ReplayDelivery(replay="r-1"))
    assert message.replay == "r-1"
    assert retry_record(message, RetryLater("a", 1.0, 2, "E")).replay == "r-1"
    assert retry_record(message_of({"type": "t"}), RetryLater("a", 1.0, 2, "E")).replay is None
