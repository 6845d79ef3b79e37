"""Sources of events: what is read twice, and where an interrupted command resumes."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from streamroute.cli.arguments.event_source import EventSource, lines_of, one_event, resume_hint
from streamroute.errors import RedisUnavailableError, SetupError
from streamroute.ops.publish.feed import FeedError, FeedProgress

if TYPE_CHECKING:
    from pathlib import Path


async def read(source: EventSource) -> list[bytes]:
    return [line async for lines in source.lines() for line in lines]


async def test_a_pipe_is_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"1\n2\n")
    os.close(writing)
    with io.TextIOWrapper(io.BufferedReader(io.FileIO(reading))) as stdin, ExitStack() as stack:
        monkeypatch.setattr(sys, "stdin", stdin)
        source = lines_of("-", stack, twice=True)
        assert await read(source) == await read(source) == [b"1", b"2"]
        assert (source.name, source.size) == ("stdin", None)


async def test_stdin_that_was_read_in_part_is_read_twice_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "events").write_bytes(b"head\n1\n2\n")
    with (tmp_path / "events").open() as stdin, ExitStack() as stack:
        os.lseek(stdin.fileno(), 5, os.SEEK_SET)
        monkeypatch.setattr(sys, "stdin", stdin)
        source = lines_of("-", stack, twice=True)
        assert await read(source) == await read(source) == [b"1", b"2"]


SOURCE = EventSource("events.jsonl", lambda: pytest.fail("is not read"), None)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FeedError("feed:7: no", 7), "feed:7: no; mend it and resume with --from-line 7"),
        (RedisUnavailableError("away"), "away; resume with --from-line 501; up to 500 events from there may"),
        (SetupError("refused"), "refused; resume with --from-line 501"),
    ],
)
def test_an_error_says_where_to_resume(error: Exception, message: str) -> None:
    with pytest.raises(type(error), match=message), resume_hint(SOURCE, FeedProgress(lines=500), 1):
        raise error


def test_before_the_first_batch_it_resumes_where_it_was_to_begin() -> None:
    with (
        pytest.raises(SetupError, match=r"--from-line 900$"),
        resume_hint(SOURCE, FeedProgress(lines=500), 900),
    ):
        raise SetupError("refused")


def test_an_interrupt_says_where_to_resume(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(asyncio.CancelledError), resume_hint(SOURCE, FeedProgress(lines=500), 1):
        raise asyncio.CancelledError
    assert capsys.readouterr().err.startswith("interrupted; resume with --from-line 501")


def test_an_event_of_the_command_line_has_no_lines() -> None:
    with pytest.raises(SetupError, match=r"^refused$"), resume_hint(one_event("t", None), FeedProgress(), 1):
        raise SetupError("refused")
