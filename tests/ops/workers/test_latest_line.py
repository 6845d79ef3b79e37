"""Of lines that arrive in pieces, the last complete one is kept, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from streamroute.ops.workers.latest_line import LatestLine

if TYPE_CHECKING:
    import pytest


@given(st.lists(st.binary(max_size=8)), st.integers(1, 10))
def test_lines_are_found_across_chunk_boundaries(texts: list[bytes], size: int) -> None:
    data = b"\n".join(texts)
    lines = LatestLine(10**6)
    for start in range(0, len(data), size):
        lines.feed(data[start : start + size])
    complete = [line for line in data.split(b"\n")[:-1] if line]
    assert lines.line == (complete[-1] if complete else None)


def test_an_unfinished_line_is_ignored() -> None:
    lines = LatestLine(100)
    lines.feed(b"first\nhalf of the sec")
    assert lines.line == b"first"
    lines.feed(b"ond\n")
    assert lines.line == b"half of the second"


def test_an_overlong_line_is_dropped_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    lines = LatestLine(4)
    lines.feed(b"1234\n")
    for piece in (b"12345\n", b"123", b"45", b"6\n", b"12345" + b"x" * 99):
        lines.feed(piece)
        assert lines.line == b"1234"
        assert len(lines._partial) <= 4
    assert [record.message for record in caplog.records] == ["dropped a worker's report of more than 4 bytes"]
    lines.feed(b"end of it\nabcd\n")
    assert lines.line == b"abcd"
