"""Fields are converted from replies and to arguments."""

from __future__ import annotations

import pytest

from streamroute.adapters.entries.field_lists import fields_from_reply, flatten_fields


def test_fields_may_be_a_list_a_map_or_absent() -> None:
    assert (
        fields_from_reply([b"a", b"1", b"b", b"2"])
        == fields_from_reply({b"a": b"1", b"b": b"2"})
        == {b"a": b"1", b"b": b"2"}
    )
    assert fields_from_reply(None) == {}
    assert flatten_fields({b"a": b"1", b"b": b"2"}) == [b"a", b"1", b"b", b"2"]
    with pytest.raises(ValueError, match="shorter"):
        fields_from_reply([b"a", b"1", b"b"])
