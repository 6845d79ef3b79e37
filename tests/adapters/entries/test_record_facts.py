"""The facts beside the fields: damage is reported, and earlier releases are understood."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.field_packing import pack_fields, unpack_fields
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.errors import DecodeError
from streamroute.values import Failure

FAILURE = Failure("thank", 1, "ValueError: no luck", "", 1.5, "abc123")
OLD_FAILURE = {"route": "thank", "attempt": 1, "error": "no luck", "reason": "", "time": 1.5}


@pytest.mark.parametrize("facts", [b"", b"[]", b"{}", b"\xff", b'{"v": 1, "id": "7-0"}'])
def test_damaged_facts_are_a_decode_error(facts: bytes) -> None:
    with pytest.raises(DecodeError):
        DeadRecord.read({b"_streamroute": facts})
    with pytest.raises(DecodeError):
        RetryRecord.unpack(pack_fields({b"_streamroute": facts}))


@pytest.mark.parametrize(
    "damaged",
    [
        {"history": [{"odd": 1}]},
        {"history": 7},
        {"history": [OLD_FAILURE], "generations": 7},
    ],
)
def test_a_damaged_history_is_a_decode_error(damaged: dict[str, Any]) -> None:
    facts = {"id": "1-0", "routes": ["a"], "attempt": 2, **damaged}
    with pytest.raises(DecodeError):
        RetryRecord.unpack(pack_fields({b"_streamroute": json.dumps(facts).encode()}))


@pytest.mark.parametrize("history", [(FAILURE, Failure("thank", 2, "no", "", 2.5)), (FAILURE,)])
def test_a_worker_of_an_earlier_release_can_read_the_failures(history: tuple[Failure, ...]) -> None:
    """It accepts no other keys in a failure than its own, and ignores unknown facts of the record."""
    packed = unpack_fields(RetryRecord("1-0", frozenset({"a"}), 2, {}, history).pack())
    facts = json.loads(packed[b"_streamroute"])
    assert all(failure.keys() == OLD_FAILURE.keys() for failure in facts["history"])
    assert facts["generations"] == [failure.generation for failure in history]


def test_a_history_of_an_earlier_release_names_no_generation() -> None:
    facts = {"id": "1-0", "routes": ["a"], "attempt": 2, "history": [OLD_FAILURE]}
    record = RetryRecord.unpack(pack_fields({b"_streamroute": json.dumps(facts).encode()}))
    assert record.history == (Failure("thank", 1, "no luck", "", 1.5, ""),)
