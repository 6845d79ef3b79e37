"""The reserved key: its form, its bounds, and what its proof covers."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.core.dispatch import retry_envelope
from streamroute.core.dispatch.retry_envelope import KEY, RetryEnvelope

SECRET = b"0123456789abcdef"
MARK = RetryEnvelope("1-0", "notifications", frozenset(["b", "a"]), 2)
PAYLOAD = {"type": "booked", "guest": {"tier": "gold"}}
FACTS = MARK.signed(PAYLOAD, "bot_events", SECRET)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def parse_envelope(value: object) -> RetryEnvelope:
    envelope = retry_envelope.parse_envelope(value)
    assert envelope is not None
    return envelope


def test_an_encoded_envelope_is_read_back() -> None:
    assert {
        "v": 2,
        "id": "1-0",
        "group": "notifications",
        "routes": ["a", "b"],
        "attempt": 2,
        "proof": FACTS["proof"],
    } == FACTS
    for form in (FACTS, json.dumps(FACTS), json.dumps(FACTS).encode()):
        assert parse_envelope(form) == RetryEnvelope(
            "1-0", "notifications", frozenset(["b", "a"]), 2, FACTS["proof"]
        )
        assert parse_envelope(form).is_proven(PAYLOAD, "bot_events", SECRET)


@pytest.mark.parametrize("fact", list(FACTS))
def test_an_envelope_has_exactly_its_fields(fact: str) -> None:
    assert (
        retry_envelope.parse_envelope({name: value for name, value in FACTS.items() if name != fact}) is None
    )
    assert retry_envelope.parse_envelope({**FACTS, "more": 1}) is None


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        *[("v", 0), ("v", 1), ("v", None)],
        *[("id", 1), ("id", None), ("id", "1" * 1_001), ("id", "\ud800")],
        *[("group", 1), ("group", None), ("group", "g" * 1_001)],
        *[("attempt", 0), ("attempt", -1), ("attempt", True), ("attempt", 1.5), ("attempt", "2")],
        ("attempt", 10**10),
        *[("routes", []), ("routes", None), ("routes", 7), ("routes", "ab"), ("routes", b"ab")],
        *[("routes", {"a": 1}), ("routes", ["a", 1]), ("routes", [["a"]]), ("routes", ["a" * 1_001])],
        ("routes", [str(n) for n in range(1_001)]),
        *[("proof", None), ("proof", 7), ("proof", b"x"), ("proof", "x" * 1_001)],
    ],
)
def test_malformed_envelopes_are_not_read(fact: str, value: Any) -> None:
    assert retry_envelope.parse_envelope({**FACTS, fact: value}) is None


@pytest.mark.parametrize("value", ["", "text", "[]", "7", b"\xff", "[" * 100_000, [], 7, None])
def test_an_envelope_that_is_not_an_object_is_not_read(value: Any) -> None:
    assert retry_envelope.parse_envelope(value) is None


def test_text_beyond_all_bounds_is_not_parsed() -> None:
    assert retry_envelope.parse_envelope(json.dumps(FACTS) + " " * 2_000_000) is None


def test_bounds_may_be_reached() -> None:
    names = [str(n) for n in range(1_000)]
    longest = {**FACTS, "id": "1" * 1_000, "routes": [*names[:-1], "a" * 1_000], "attempt": 1, "group": ""}
    envelope = parse_envelope(longest)
    assert (len(envelope.id), len(envelope.routes), envelope.attempt, envelope.group) == (1_000, 1_000, 1, "")


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("id", "2-0"),
        ("group", "mailing"),
        ("routes", ["a", "b", "c"]),
        ("routes", ["a"]),
        ("attempt", 1),
        ("proof", ""),
        ("proof", FACTS["proof"][:-1]),
        ("proof", FACTS["proof"].upper()),
        ("proof", "é"),
    ],
)
def test_the_proof_covers_every_fact(fact: str, value: Any) -> None:
    assert not parse_envelope({**FACTS, fact: value}).is_proven(PAYLOAD, "bot_events", SECRET)


@pytest.mark.parametrize(
    ("payload", "stream", "secret"),
    [
        ({**PAYLOAD, "guest": {"tier": "silver"}}, "bot_events", SECRET),
        ({**PAYLOAD, "more": None}, "bot_events", SECRET),
        ({"type": "booked"}, "bot_events", SECRET),
        (PAYLOAD, "orders", SECRET),
        (PAYLOAD, "bot_events", b"fedcba9876543210"),
    ],
    ids=["changed", "added", "left-out", "another-stream", "another-secret"],
)
def test_the_proof_holds_for_this_payload_in_this_stream(
    payload: dict[str, Any], stream: str, secret: bytes
) -> None:
    assert not parse_envelope(FACTS).is_proven(payload, stream, secret)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_a_payload_that_went_through_json_has_the_same_proof(payload: dict[str, Any]) -> None:
    payload.pop(KEY, None)
    facts = MARK.signed(payload, "s", SECRET)
    back = json.loads(json.dumps({**dict(reversed(payload.items())), KEY: facts}))
    assert parse_envelope(back[KEY]).is_proven(back, "s", SECRET)


@pytest.mark.parametrize("odd", [date(2024, 2, 29), {1: "a", "b": 2}, (1, 2), b"\xff", {"s"}, "\ud800"])
def test_a_payload_that_json_cannot_hold_has_a_proof(odd: Any) -> None:
    facts = MARK.signed({"odd": odd}, "s", SECRET)
    assert parse_envelope(facts).is_proven({"odd": odd, KEY: facts}, "s", SECRET)
    assert not parse_envelope(facts).is_proven({"odd": 7, KEY: facts}, "s", SECRET)


def test_a_payload_that_would_be_huge_when_written_has_a_proof() -> None:
    """A user's codec may return the same list nested twice, forty levels deep."""
    value: Any = ["x"]
    for _ in range(40):
        value = [value, value]
    payload = {"type": "t", "value": value}
    assert parse_envelope(MARK.signed(payload, "s", SECRET)).is_proven(payload, "s", SECRET)


def test_a_payload_that_contains_itself_has_a_proof() -> None:
    payload: dict[str, Any] = {"type": "t"}
    payload["self"] = payload
    assert parse_envelope(MARK.signed(payload, "s", SECRET)).is_proven(payload, "s", SECRET)
