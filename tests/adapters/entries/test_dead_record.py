"""A stored dead letter is read back unchanged, and damage is reported."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import message_of
from misbehaving import Text, Unspeakable
from streamroute.adapters.codecs.builtin import JsonCodec
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.entry_pipeline import CodecPipeline
from streamroute.adapters.entries.retry_record import retry_record
from streamroute.delivery import ReplayDelivery
from streamroute.errors import DecodeError
from streamroute.message import Message
from streamroute.values import DeadLetter, Failure, RetryLater

fields = st.dictionaries(st.binary(max_size=20), st.binary(max_size=50), max_size=10)
names = st.binary(max_size=20) | st.just(b"_fields")
own_fields = st.dictionaries(names, st.binary(max_size=50), max_size=10).map(
    lambda found: {name: value for name, value in found.items() if name != b"_streamroute"}
)
FAILURE = Failure("thank", 1, "ValueError: no luck", "", 1.5, "abc123")
BIG = "x" * 10_000_000


@given(own_fields, st.text(), st.none() | st.text(max_size=5))
def test_a_dead_letter_is_read_as_it_was_written(
    found: dict[bytes, bytes], reason: str, route: str | None
) -> None:
    message = message_of({}, id="7-0", stream="s", group="g", deliveries=2, fields=found)
    record = DeadRecord.of(message, DeadLetter(route, reason, "error", "trace", 3))
    assert DeadRecord.read(record.write()) == record


def test_a_long_traceback_keeps_its_two_ends() -> None:
    trace = "first call\n" + "x" * 100_000 + "\nlast call"
    record = DeadRecord.of(Message({}), DeadLetter(None, "no", traceback=trace))
    assert record.traceback.startswith("first call")
    assert record.traceback.endswith("last call")
    assert len(record.traceback) < 17_000


def test_a_dead_letter_bounds_its_failures_and_keeps_all_fields() -> None:
    """A dead letter is at most a few kilobytes longer than its entry, for any exception and any history."""
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
def test_a_dead_letter_is_written_for_any_type_that_a_codec_returns(make: Any) -> None:
    message = Message({"type": make(), "traceparent": make()}, id="1-0", stream="s", group="g")
    record = DeadRecord.of(message, DeadLetter("r", "no"))
    assert DeadRecord.read(record.write()) == record


def test_a_dead_letter_keeps_its_history_and_its_configuration() -> None:
    pipeline = CodecPipeline(JsonCodec(), "abc123")
    message = message_of({"type": "booked"}, id="1-0", history=(FAILURE,), pipeline=pipeline)
    record = DeadRecord.of(message, DeadLetter("thank", "no", "E: x", "Traceback", 2))
    again = DeadRecord.read(record.write())
    assert (again.generation, again.history, again.type) == ("abc123", (FAILURE,), "booked")


def test_a_dead_letter_of_an_earlier_release_is_read() -> None:
    facts: dict[str, object] = {"v": 1, "id": "1-0", "stream": "s", "group": "g", "route": None}
    facts |= {"reason": "no", "error": "", "traceback": "", "attempt": 1, "deliveries": 1}
    record = DeadRecord.read({b"_streamroute": json.dumps(facts).encode(), b"type": b"booked"})
    assert (record.type, record.routes, record.history, record.trace) == (None, (), (), {})
    assert (record.time, record.generation, record.accepted) == (0.0, "", True)


@pytest.mark.parametrize(
    "damage",
    [
        {"route": ["a"]},
        {"route": 7},
        {"attempt": "1"},
        {"time": "soon"},
        {"generation": None},
        {"routes": "a"},
        {"routes": [["a"]]},
        {"trace": {"a": 7}},
        {"accepted": 1},
        {"history": [{"route": [], "attempt": 1, "error": "", "reason": "", "time": 0}]},
    ],
)
def test_a_dead_letter_with_facts_of_another_kind_is_a_decode_error(damage: dict[str, Any]) -> None:
    """Another program may write to the stream: commands that read the letters rely on the kinds."""
    message = Message({}, id="1-0", stream="s", group="g")
    written = DeadRecord.of(message, DeadLetter("a", "no")).write()
    facts = {**json.loads(written[b"_streamroute"]), **damage}
    with pytest.raises(DecodeError, match="the facts of a dead letter are damaged"):
        DeadRecord.read({**written, b"_streamroute": json.dumps(facts).encode()})


@pytest.mark.parametrize("accepted", [True, False])
def test_a_dead_letter_contains_the_whole_message(accepted: bool) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    payload = {"type": "booked", "traceparent": parent, "tracestate": 7, "other": "x"}
    fields = {b"_streamroute": b"of a dead letter", b"type": b"booked"}
    facts: dict[str, Any] = {"id": "1-0", "stream": "s", "group": "g", "deliveries": 3}
    pipeline = CodecPipeline(JsonCodec(), "abc")
    message = message_of(
        payload, **facts, pipeline=pipeline, routes=frozenset({"b", "a"}), fields=fields, history=(FAILURE,)
    )
    before = time.time()
    record = DeadRecord.of(message, DeadLetter("a", "no", "E: x", "Traceback", 2, accepted, frame="shop:f"))
    assert before <= record.time <= time.time()
    assert record == DeadRecord(
        **facts,
        route="a",
        reason="no",
        error="E: x",
        traceback="Traceback",
        attempt=2,
        fields=fields,
        type="booked",
        routes=["a", "b"],
        time=record.time,
        generation="abc",
        trace=record.trace,
        history=(FAILURE,),
        accepted=accepted,
        error_class="E",
        frame="shop:f",
        signature=record.kind.signature,
    )
    assert record.trace == {"traceparent": parent}
    assert json.loads(record.write()[b"_streamroute"])["v"] == 1
    assert DeadRecord.read(record.write()) == record
    assert record.as_failure() == Failure("a", 2, "E: x", "no", record.time, "abc", "E")


def test_a_dead_letter_is_made_of_facts_that_are_named() -> None:
    with pytest.raises(TypeError, match="positional"):
        DeadRecord("1-0", "s", "g", None, "no", "", "", 1, 1, {})  # type: ignore[call-arg]  # what must be refused


@pytest.mark.parametrize(
    ("found", "is_packed"),
    [
        ({b"n%d" % n: b"" for n in range(1000)}, False),
        ({b"n%d" % n: b"" for n in range(1001)}, True),
        ({b"_fields": b"x"}, True),
        ({b"_fields": b"x", b"n": b"1"}, False),
        ({}, False),
    ],
)
def test_fields_are_written_as_they_are_where_they_can_be(found: dict[bytes, bytes], is_packed: bool) -> None:
    """They are packed if they are too many, or would be mistaken for packed ones."""
    record = DeadRecord.of(Message({}, id="1-0", fields=found), DeadLetter(None, "no"))
    written = record.write()
    kept = {name: value for name, value in written.items() if name != b"_streamroute"}
    assert (kept != found) == is_packed
    assert len(kept) == (1 if is_packed else len(found))
    assert DeadRecord.read(written) == record


def test_a_dead_letter_of_a_replay_keeps_its_id() -> None:
    message = Message({"type": "t"}, delivery=ReplayDelivery(replay="r-1"))
    record = DeadRecord.of(message, DeadLetter("a", "no"))
    assert DeadRecord.read(record.write()).replay == "r-1"
    assert (
        DeadRecord.read(DeadRecord.of(Message({"type": "t"}), DeadLetter("a", "no")).write()).replay is None
    )


def test_a_dead_letter_that_is_nested_deeply_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="the facts of a dead letter are damaged"):
        DeadRecord.read({b"_streamroute": b"[" * 100_000})
