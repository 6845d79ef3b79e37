"""Outgoing entries: what the publishing script receives for each."""

from __future__ import annotations

from streamroute.adapters.entries.field_packing import unpack_fields
from streamroute.adapters.entries.outgoing_entry import OutgoingEntry

FIELDS = [b"type", b"t", b"data", b"{}"]


def test_an_entry_without_id_and_delay_is_plain() -> None:
    assert OutgoingEntry(FIELDS).is_plain
    assert not OutgoingEntry(FIELDS, id="a").is_plain
    assert not OutgoingEntry(FIELDS, delay=0.0).is_plain
    assert OutgoingEntry(FIELDS).size == 11 + 8 * len(FIELDS)


def test_fields_are_passed_in_turn() -> None:
    assert OutgoingEntry(FIELDS, id="a").arguments(4) == [4, -1, "", 4, *FIELDS]


def test_a_delayed_entry_is_packed_under_a_name_of_its_own() -> None:
    index, delay, name, count, packed = OutgoingEntry(FIELDS, delay=1.5).arguments(0)
    assert (index, delay, count) == (0, 1500, 1)
    assert isinstance(packed, bytes)
    assert unpack_fields(packed) == {b"type": b"t", b"data": b"{}"}
    assert OutgoingEntry(FIELDS, delay=1.5).arguments(0)[2] != name
