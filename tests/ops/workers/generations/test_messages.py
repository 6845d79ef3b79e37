"""Messages between a supervisor and its workers."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from readers import reader_of
from streamroute.ops.workers.generations.messages import (
    MAX_LINE,
    Answer,
    Order,
    ProtocolError,
    SwapStep,
    read_answer,
    read_order,
    send,
)


async def test_orders_are_read_as_they_were_written() -> None:
    orders = [Order(1, SwapStep.PREPARE, b"a\nb\x00"), Order(2, SwapStep.COMMIT), Order(3, SwapStep.DISCARD)]
    reader = reader_of(b"".join(order.to_bytes() for order in orders))
    assert [await read_order(reader) for _ in range(4)] == [*orders, None]


async def test_answers_are_read_as_they_were_written() -> None:
    answers = [Answer(1, "abc"), Answer(2, refusal="no \"é'\n")]
    reader = reader_of(b"".join(answer.to_bytes() for answer in answers))
    assert [await read_answer(reader) for _ in range(3)] == [*answers, None]


@pytest.mark.parametrize("character", ["x", "\x00", "\ud800", "\U0001f600"])
async def test_a_long_reason_is_cut_so_that_its_line_can_be_read(character: str) -> None:
    answer = await read_answer(reader_of(Answer(1, refusal=character * 1_000_000).to_bytes()))
    assert answer is not None
    assert 1000 < len(answer.refusal) < 100_000


@pytest.mark.parametrize("cut", [1, 20, 60])
async def test_a_message_that_is_cut_off_is_the_end(cut: int) -> None:
    order = Order(1, SwapStep.PREPARE, b"x" * 100).to_bytes()
    assert await read_order(reader_of(order[:cut])) is None
    assert await read_order(reader_of(order[:-1])) is None


@pytest.mark.parametrize("fast", [False, True], ids=["asyncio", "uvloop"])
def test_what_is_sent_to_a_process_that_has_ended_is_dropped(fast: bool) -> None:
    async def send_to_nobody() -> None:
        own, other = socket.socketpair()
        reader, writer = await asyncio.open_unix_connection(sock=own)
        other.close()
        assert await read_answer(reader) is None
        for number in range(3):
            send(writer, Order(number, SwapStep.DISCARD))
            await asyncio.sleep(0)  # its transport finds out
        writer.close()
        await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])

    factory = pytest.importorskip("uvloop").new_event_loop if fast else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(send_to_nobody())


ODD = [
    b"odd\n",
    b"[]\n",
    b"[" * 50_000 + b"\n",
    b"x" * (MAX_LINE + 1),
    b"{}\n",
    b'{"number": "1", "step": "commit", "size": 0}\n',
    b'{"number": true, "step": "commit", "size": 0}\n',
    b'{"number": 1, "step": "explode", "size": 0}\n',
    b'{"number": 1, "step": "commit", "size": -1}\n',
    json.dumps({"number": 1, "step": "prepare", "size": 10**12}).encode() + b"\n",
]


@pytest.mark.parametrize("data", ODD)
async def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        await read_order(reader_of(data, MAX_LINE))
    with pytest.raises(ProtocolError):
        await read_answer(reader_of(data, MAX_LINE))
