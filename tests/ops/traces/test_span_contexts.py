"""Contexts are converted without loss, whatever state a producer wrote."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import NonRecordingSpan, get_current_span

from streamroute.ops.traces.span_contexts import as_parent, links_to, span_context, trace_context
from streamroute.trace_context import TraceContext, parse_trace_context

ids = st.tuples(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255))
states = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=512)


@given(ids, states)
def test_any_context_of_a_producer_can_be_linked_to(numbers: tuple[int, int, int], state: str) -> None:
    trace, span, flags = numbers
    written = parse_trace_context(f"00-{trace:032x}-{span:016x}-{flags:02x}", state)
    assert written is not None
    found = span_context(written)
    assert (found.trace_id, found.span_id, found.trace_flags, found.is_remote) == (trace, span, flags, True)
    again = trace_context(NonRecordingSpan(found))
    assert again is not None
    assert again.traceparent == written.traceparent
    assert parse_trace_context(*again) == again, "what is sent on is valid"


def test_a_state_is_passed_on() -> None:
    context = TraceContext(f"00-{'1' * 32}-{'2' * 16}-01", "a=1,b=2")
    assert trace_context(NonRecordingSpan(span_context(context))) == context


def test_the_same_span_is_linked_once() -> None:
    one, other = (TraceContext(f"00-{digit * 32}-{digit * 16}-01") for digit in "12")
    assert [len(links_to(*pair)) for pair in ((one, one), (one, other), (None, other), (None, None))] == [
        1,
        2,
        1,
        0,
    ]


def test_without_a_parent_a_span_is_the_first_of_its_trace() -> None:
    assert not get_current_span(as_parent(None)).get_span_context().is_valid
