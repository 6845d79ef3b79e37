"""The first line of a worker: what it says, within limits, and what is no answer."""

from __future__ import annotations

import asyncio
import json

import pytest

from consuming import within_patience
from readers import reader_of
from streamroute.ops.workers.generations.channel import WorkerChannel, WorkerRefusedError
from streamroute.ops.workers.generations.messages import MAX_ANSWER, Answer, ProtocolError, read_answer
from streamroute.ops.workers.generations.start_answer import MAX_TEXT, StartAnswer, read_start_answer
from streamroute.text.limits import LONG

ANSWER = StartAnswer("a", "1 error", ("routes.yaml:1:1: error",), "text\n", ("/jobs.py",))


async def test_an_answer_is_read_as_it_was_written() -> None:
    assert await read_start_answer(reader_of(ANSWER.to_bytes())) == ANSWER
    assert await read_start_answer(reader_of(StartAnswer("a").to_bytes())) == StartAnswer("a")
    assert await read_start_answer(reader_of(b"")) is None
    assert await read_start_answer(reader_of(ANSWER.to_bytes()[:-1])) is None, "it died while it wrote"


async def test_one_that_nobody_waited_for_is_the_answer_to_no_order() -> None:
    assert await read_answer(reader_of(ANSWER.to_bytes())) == Answer(0, "a", "1 error")


async def test_texts_beyond_their_limits_are_cut() -> None:
    lines, modules = ("\U0001f600" * 2_000,) * 60, tuple(f"/{n}{'x' * 1_000}.py" for n in range(2_000))
    long = StartAnswer("a", "\U0001f600" * 2 * LONG, lines, "\U0001f600" * 2 * MAX_TEXT, modules)
    assert len(long.to_bytes()) < MAX_ANSWER
    read = await read_start_answer(reader_of(long.to_bytes()))
    assert read is not None
    assert len(read.text) <= MAX_TEXT
    assert read.modules == modules[: len(read.modules)]
    assert 100 < len(read.modules) < 2_000


@pytest.mark.parametrize("line", [b"[]", b"no json", b"{}", b'{"generation": 7, "refusal": "", "text": ""}'])
async def test_something_else_is_no_answer(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        await read_start_answer(reader_of(line + b"\n"))


async def test_lists_of_something_else_are_empty() -> None:
    values = {"generation": "a", "refusal": "", "text": "", "lines": [7, "one"], "modules": {"/a": 1}}
    read = await read_start_answer(reader_of(json.dumps(values).encode() + b"\n"))
    assert read == StartAnswer("a", lines=("one",))


async def test_an_order_waits_for_the_answer_of_the_start() -> None:
    """A worker that is starting follows orders when it has started."""
    channel = WorkerChannel(1)
    await channel.begin(b"")
    started = asyncio.create_task(channel.started())
    await asyncio.sleep(0)
    ordered = asyncio.create_task(channel.commit())
    await asyncio.sleep(0)
    channel.worker_end.sendall(ANSWER.to_bytes() + Answer(1, "b").to_bytes())
    assert await within_patience(started) == ANSWER
    assert await within_patience(ordered) == "b"
    await channel.close()


@pytest.mark.parametrize(("sent", "reason"), [(b"", "has ended"), (b"no json\n", "did not start: a line is")])
async def test_a_worker_that_does_not_answer_has_not_started(sent: bytes, reason: str) -> None:
    channel = WorkerChannel(1)
    await channel.begin(b"")
    channel.worker_end.sendall(sent)
    channel.worker_end.close()
    with pytest.raises(WorkerRefusedError, match=f"worker 1 {reason}"):
        await within_patience(channel.started())
    await channel.close()
