"""TypeNames: the type of an entry, decoded once."""

from __future__ import annotations

import pytest

from streamroute.adapters.codecs.type_names import MAX_TYPE_BYTES, LongTypeError, TypeNames


def test_a_type_is_decoded_once() -> None:
    names = TypeNames()
    name = names["größe".encode()]
    assert name == "größe"
    assert names["größe".encode()] is name


@pytest.mark.parametrize("raw", [b"\xff", b"a" * (MAX_TYPE_BYTES + 1)])
def test_a_type_that_is_not_utf8_or_long_is_refused_and_not_remembered(raw: bytes) -> None:
    names = TypeNames()
    with pytest.raises(ValueError) as caught:
        names[raw]
    assert type(caught.value) in {UnicodeDecodeError, LongTypeError}
    assert not names


def test_a_thousand_types_are_remembered_and_others_decoded_anyway() -> None:
    names = TypeNames()
    read = [names[b"type-%d" % number] for number in range(1100)]
    assert read == [f"type-{number}" for number in range(1100)]
    assert len(names) == 1000
