"""Trace contexts come from outside: a valid one is passed on as it is, anything else is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.trace_context import TraceContext, parse_trace_context

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HEX = "0123456789abcdef"


def test_a_context_has_the_ids_and_flags_of_its_header() -> None:
    context = parse_trace_context(PARENT, "vendor=1")
    assert context == TraceContext(PARENT, "vendor=1")
    assert context.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert context.span_id == "b7ad6b7169203331"
    assert context.flags == 1
    assert context.as_fields() == {"traceparent": PARENT, "tracestate": "vendor=1"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        PARENT.upper(),
        PARENT[:-1],
        f"{PARENT}-more",  # version 00 ends with its flags
        PARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        PARENT.replace("b7ad6b7169203331", "0" * 16),
        f"ff{PARENT[2:]}",
        f"{PARENT}\n",
        f"cc{PARENT[2:]}-{'x' * 1000}",
        PARENT.replace("b7", "é7"),
    ],
)
def test_anything_else_is_no_context(text: str) -> None:
    assert parse_trace_context(text) is None
    assert parse_trace_context(text.encode()) is None


@pytest.mark.parametrize("value", [None, 1, True, [PARENT], {"traceparent": PARENT}, b"\xff" * 55])
def test_a_value_of_another_kind_is_no_context(value: object) -> None:
    assert parse_trace_context(value) is None


def test_a_later_version_may_have_more_parts() -> None:
    later = f"cc{PARENT[2:]}-what-comes"
    assert parse_trace_context(later) == TraceContext(later)


@pytest.mark.parametrize("state", [None, 7, "x" * 513, "a=é", "a=1\r\nb=2", b"\xff"])
def test_a_state_that_is_not_valid_is_left_out(state: object) -> None:
    assert parse_trace_context(PARENT, state) == TraceContext(PARENT)


@given(st.text(HEX, min_size=32, max_size=32), st.text(HEX, min_size=16, max_size=16), st.integers(0, 255))
def test_every_context_that_is_written_is_read_again(trace: str, span: str, flags: int) -> None:
    context = TraceContext(f"00-{trace}-{span}-{flags:02x}", "a=b")
    expected = context if trace.strip("0") and span.strip("0") else None
    assert parse_trace_context(context.traceparent.encode(), b"a=b") == expected
