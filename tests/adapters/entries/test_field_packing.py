"""Packed fields are unpacked unchanged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.entries.field_packing import pack_fields, unpack_fields

fields = st.dictionaries(st.binary(max_size=20), st.binary(max_size=50), max_size=10)


@given(fields)
def test_packed_fields_are_unpacked_byte_for_byte(found: dict[bytes, bytes]) -> None:
    assert unpack_fields(pack_fields(found)) == found
