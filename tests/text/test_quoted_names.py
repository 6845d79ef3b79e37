"""Names from outside: one bounded line, whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.text.limits import NAME
from streamroute.text.quoted_names import quoted_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a", '"a"'),
        ("it's", '"it\'s"'),
        ("a\nb\x1b[31m", '"a\\nb\\x1b[31m"'),
        (3, "3"),
        (b"a", "b'a'"),
        ("", '""'),
    ],
)
def test_a_name_is_quoted(name: object, shown: str) -> None:
    assert quoted_name(name) == shown


@given(st.text(max_size=1000) | st.integers() | st.lists(st.text()))
def test_a_name_is_bounded_and_printable(name: object) -> None:
    shown = quoted_name(name)
    assert len(shown.encode()) <= 12 * NAME
    assert "\n" not in shown
