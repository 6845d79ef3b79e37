"""A worker reads the files that it starts with, before its event loop runs."""

from __future__ import annotations

import socket

import pytest

from streamroute.errors import SetupError
from streamroute.ops.workers.generations.messages import Order, SwapStep
from streamroute.ops.workers.generations.start import read_start
from streamroute.system.file_record import FileRecord
from streamroute.system.record_format import pack_record

RECORD = FileRecord("routes.yaml", "/", None, {"routes.yaml": b"a: 1\n"}, {}, {}, {}, {})
START = Order(0, SwapStep.PREPARE, pack_record(RECORD)).to_bytes()


def read(sent: bytes, *, closed: bool = True) -> FileRecord:
    supervisor, worker = socket.socketpair()
    with supervisor, worker:
        supervisor.sendall(sent)
        if closed:
            supervisor.shutdown(socket.SHUT_WR)
        return read_start(worker, 0.05)


def test_the_record_is_read_as_it_was_sent() -> None:
    assert read(START) == RECORD


def test_the_next_order_is_left_in_the_socket() -> None:
    supervisor, worker = socket.socketpair()
    with supervisor, worker:
        supervisor.sendall(START + b"next")
        assert read_start(worker) == RECORD
        assert worker.recv(10) == b"next"
        assert worker.gettimeout() is None


@pytest.mark.parametrize("sent", [b"", START[:10], START[:-1]])
def test_a_supervisor_that_ends_is_reported(sent: bytes) -> None:
    with pytest.raises(SetupError, match="the supervisor ended before it sent the configuration"):
        read(sent)


def test_a_supervisor_that_sends_nothing_is_reported() -> None:
    with pytest.raises(SetupError, match=r"the supervisor sent no configuration within 0\.05 s"):
        read(START[:-1], closed=False)


@pytest.mark.parametrize(
    "sent",
    [
        b"odd\n",
        Order(0, SwapStep.PREPARE, b"odd").to_bytes(),
        START.replace(b"a: 1", b"a: 2"),
    ],
)
def test_what_is_no_record_is_reported(sent: bytes) -> None:
    with pytest.raises(SetupError, match="the supervisor sent no configuration: "):
        read(sent)
