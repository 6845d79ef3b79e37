"""The original fields of an edited message are read back unchanged, and damage is reported."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.entries.original_fields import pack_original, unpack_original
from streamroute.adapters.entries.record_facts import append_failure, failures_of, history_facts
from streamroute.errors import DecodeError
from streamroute.values import Failure


@given(st.dictionaries(st.binary(max_size=20), st.binary(max_size=50), max_size=10))
def test_fields_are_unpacked_byte_for_byte(found: dict[bytes, bytes]) -> None:
    assert unpack_original(pack_original(found)) == found


@pytest.mark.parametrize("packed", ["x", "(redacted)", base64.b64encode(b"no zlib").decode()])
def test_a_damaged_text_is_a_decode_error(packed: str) -> None:
    with pytest.raises(DecodeError, match="damaged"):
        unpack_original(packed)


def test_the_original_stays_in_a_history_that_is_limited() -> None:
    history = append_failure((), Failure("r", 1, "", "edited", 0.0, original="abc"))
    for n in range(30):
        history = append_failure(history, Failure("r", n, "E: no", "", float(n), error_class="E"))
    assert (len(history), history[0].original, history[-1].attempt) == (20, "abc", 29)
    assert failures_of(history_facts(history)) == tuple(history)
