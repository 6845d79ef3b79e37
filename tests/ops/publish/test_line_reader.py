"""Lines of files and pipes: all of them, as soon as they are complete, without waiting for more."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from consuming import within_patience
from streamroute.ops.publish.line_reader import read_lines

TEXTS = st.lists(st.binary(max_size=20).map(lambda text: text.replace(b"\n", b"")), max_size=20)


async def lines_of(path: Path | str, **sizes: int) -> list[bytes]:
    with Path(path).open("rb") as source:  # noqa: ASYNC230 - that is what is tested
        return [line async for chunk in read_lines(source, **sizes) for line in chunk]


@given(TEXTS, st.integers(1, 7))
def test_a_files_lines_equal_those_of_split(texts: list[bytes], chunk: int) -> None:
    """For any division into chunks; an empty end is not a line."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join(texts))
        file.flush()
        expected = texts[:-1] if texts and not texts[-1] else texts
        assert asyncio.run(lines_of(file.name, chunk_size=chunk)) == expected


async def test_dev_null_has_no_lines() -> None:
    assert await lines_of(os.devnull) == []


async def test_a_pipe_gives_what_is_there_and_its_rest_at_the_end() -> None:
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb") as source:
        chunks = read_lines(source)
        os.write(theirs, b"one\ntwo\nth")
        assert await within_patience(anext(chunks)) == [b"one", b"two"]
        os.write(theirs, b"ree\n")
        assert await within_patience(anext(chunks)) == [b"three"]
        os.write(theirs, b"four")
        os.close(theirs)
        assert await within_patience(anext(chunks)) == [b"four"]
        assert [chunk async for chunk in chunks] == []


async def test_waiting_for_a_pipe_can_be_cancelled() -> None:
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb") as source, os.fdopen(theirs, "wb"):
        waiting = asyncio.ensure_future(anext(read_lines(source)))
        await asyncio.sleep(0)
        waiting.cancel()
        await within_patience(asyncio.wait([waiting]))
        assert waiting.cancelled()


async def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"ok\n" + b"x" * 100_000 + b"\nnext\n")
    first, cut = await lines_of(tmp_path / "long", chunk_size=300, longest=1000)
    assert (first, cut.strip(b"x")) == (b"ok", b"")
    assert 1000 < len(cut) < 2000
