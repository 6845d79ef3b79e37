"""JSON values written as YAML are read back unchanged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.config.files.loader import load_text
from streamroute.ops.route_tests.yaml_writer import flow, scalar, yaml_lines

TRICKY = (
    "on", "no", "null", "~", "1:30", "0755", "0o17", "1e3", "- a", "a: b", "a #b", "#", "", " a", "a ", "'",
    '"', "<<",
)  # fmt: skip
texts = st.text(st.characters(codec="utf-8")) | st.sampled_from(TRICKY)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_written_values_are_read_back(value: Any) -> None:
    text = "x:\n" + "".join(f"{line}\n" for line in yaml_lines(value, 2))
    loading = load_text(text, "routes.test.yaml")
    assert loading.findings == ()
    assert loading.source is not None
    assert loading.source.data == {"x": value}


@given(values)
def test_a_value_fits_on_one_line(value: Any) -> None:
    loading = load_text(f"x: {flow(value)}\n", "routes.test.yaml")
    assert loading.findings == ()
    assert loading.source is not None
    assert loading.source.data == {"x": value}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("booking.confirmed", "booking.confirmed"),
        ("ada@example.com", "ada@example.com"),
        ("two words", "two words"),
        ("no", '"no"'),
        ("a: b", '"a: b"'),
        ("é", '"é"'),
        ("a\nb", '"a\\nb"'),
        (1.5, "1.5"),
        (None, "null"),
    ],
)
def test_quotes_are_written_only_where_needed(value: Any, written: str) -> None:
    assert scalar(value) == written


def test_long_values_are_broken_into_lines() -> None:
    value = {"short": {"a": 1}, "long": [{"name": "x" * 60, "size": 10**30}, "yes please"]}
    assert list(yaml_lines(value, 2)) == [
        "  short: {a: 1}",
        "  long:",
        "    -",
        f"      name: {'x' * 60}",
        f"      size: {10**30}",
        "    - yes please",
    ]
