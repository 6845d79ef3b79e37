"""Hidden values of a payload are put back where what was shown was left as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.ops.dead_letters.editing.document import InvalidEditError, payload_text, read_payload
from streamroute.ops.dead_letters.editing.hidden_values import restore_hidden
from streamroute.payload_redaction import PayloadRedactor

leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
payloads = st.dictionaries(st.sampled_from(["a", "b", "type"]), values, max_size=3)
REDACTOR = PayloadRedactor(["a.b", "**.c", "b[].a"])


@given(payloads)
def test_an_unchanged_payload_is_the_original(payload: dict[str, Any]) -> None:
    shown = json.loads(json.dumps(REDACTOR.redact(payload)))
    assert restore_hidden(shown, shown, payload) == payload


@given(payloads, payloads)
def test_without_hidden_values_the_edit_is_stored_as_it_is(
    payload: dict[str, Any], edited: dict[str, Any]
) -> None:
    """Also where JSON tells apart what Python does not: 1 and true."""
    assert payload_text(restore_hidden(edited, payload, payload)) == payload_text(edited)


def test_a_value_may_be_added_beside_a_hidden_one() -> None:
    original = {"a": {"b": 1}, "n": [1, 2]}
    edited = {"a": {"b": "(redacted)", "x": 2}, "n": [1]}
    assert restore_hidden(edited, REDACTOR.redact(original), original) == {"a": {"b": 1, "x": 2}, "n": [1]}


@pytest.mark.parametrize(
    "edited", [{"x": "(redacted)"}, {"a": {"b": 1, "c": "(redacted)"}}, {"b": [{"a": "(redacted)"}] * 2}]
)
def test_a_hidden_value_that_was_moved_is_refused(edited: dict[str, Any]) -> None:
    original = {"a": {"b": 1}, "b": [{"a": 1}]}
    with pytest.raises(InvalidEditError, match="moved or copied"):
        restore_hidden(edited, REDACTOR.redact(original), original)


def test_half_of_a_surrogate_pair_can_be_written_and_is_refused_where_it_is_left() -> None:
    written = payload_text({"a": "\ud800é"}).encode()
    with pytest.raises(InvalidEditError, match="f: holds half of a surrogate pair"):
        read_payload(written, "f")
    with pytest.raises(InvalidEditError, match="cannot be written as JSON"):
        payload_text({"a": object()})
