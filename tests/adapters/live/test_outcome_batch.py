"""Outcomes survive their way as JSON; what is foreign is left out, and nothing raises."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.live.outcome_batch import OutcomeBatch, OutcomeRecord, unpack_batch

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
RECORDS = st.builds(
    OutcomeRecord,
    id=TEXT,
    kind=TEXT,
    route=st.none() | TEXT,
    result=TEXT,
    time=st.floats(0, 1e12),
    attempt=st.integers(1, 100),
    error_class=TEXT,
    error=TEXT,
    generation=TEXT,
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
NAMES = ["id", "kind", "route", "result", "time", "attempt", "error"]


@given(TEXT, st.lists(RECORDS, max_size=5), st.integers(0, 1000))
def test_a_batch_survives_its_way(worker: str, records: list[OutcomeRecord], dropped: int) -> None:
    usable = [record for record in records if record.id and record.result]
    assert unpack_batch(OutcomeBatch(worker, usable, dropped).pack()) == OutcomeBatch(
        worker, tuple(_without_empty_route(record) for record in usable), dropped
    )


def _without_empty_route(record: OutcomeRecord) -> OutcomeRecord:
    facts = {name: getattr(record, name) for name in record.__slots__}
    return OutcomeRecord(**{**facts, "route": record.route or None})


@given(st.binary(max_size=50) | JSON.map(json.dumps).map(str.encode))
def test_anything_else_is_no_batch(value: bytes) -> None:
    batch = unpack_batch(value)
    assert batch is None or isinstance(batch, OutcomeBatch)


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=7) | JSON, max_size=5))
def test_damaged_outcomes_are_left_out(outcomes: list[Any]) -> None:
    batch = unpack_batch(json.dumps({"worker": "me", "outcomes": outcomes}).encode())
    assert batch is not None
    for record in batch.outcomes:
        assert isinstance(record.id, str)
        assert isinstance(record.result, str)
        assert isinstance(record.time, (int, float))


def test_a_batch_is_bounded() -> None:
    assert unpack_batch(OutcomeBatch("x" * 300_000).pack()) is None
    assert unpack_batch(b"[" * 100_000) is None
    many = OutcomeBatch("me", [OutcomeRecord(id="1-0", kind="", route=None, result="dead", time=0)] * 1_200)
    found = unpack_batch(many.pack())
    assert found is not None
    assert len(found.outcomes) == 1_000
