"""Clients that hang, and a board that serves the others; the whole board, over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from boards import board_url, browser
from servers import wait_until

if TYPE_CHECKING:
    from projects import Project, Running

SHORT_PATIENCE = """
from streamroute.board.http.bounded_protocol import ConnectionLimits
from streamroute.cli.entry import main
most, _, *others = ConnectionLimits.__init__.__defaults__
ConnectionLimits.__init__.__defaults__ = (most, 2.0, *others)
main()
"""
"""A program whose board waits for a request and its response for two seconds."""

SLOW = 1000
MANY = tuple(f"name: route-{number}, type: t{number}, handler: jobs.ok" for number in range(500))
GET = b"GET /routes HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n"

_ESTABLISHED, _CLOSE_WAIT = "01", "08"

pytestmark = pytest.mark.processes


class Board(NamedTuple):
    """A running board, and its port."""

    running: Running
    port: int

    def connections(self) -> int:
        """Return the number of connections that the board has not closed.

        Source: https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt
        """
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ours = f":{self.port:04X}"
        return sum(row[1].endswith(ours) and row[3] in (_ESTABLISHED, _CLOSE_WAIT) for row in rows)


@pytest.fixture
def board(project: Project) -> Board:
    project.routes(*MANY)
    running = project.start("board", "--http", "0", program=("-c", SHORT_PATIENCE))
    return Board(running, int(board_url(running).rpartition(":")[2]))


@pytest.fixture
def connect(board: Board) -> Iterator[Callable[[], socket.socket]]:
    with ExitStack() as stack:

        def connect() -> socket.socket:
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", board.port))
            client.setblocking(False)
            return client

        yield connect


def still_open(clients: Sequence[socket.socket]) -> list[socket.socket]:
    """Send a byte of a request on each connection, and return those that the board has not closed."""
    return [client for client in clients if not _has_ended(client)]


def _has_ended(client: socket.socket) -> bool:
    try:
        client.send(b"x")
        return not client.recv(1000)
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_a_thousand_slow_connections_are_closed_and_keep_nobody_out(
    board: Board, connect: Callable[[], socket.socket]
) -> None:
    slow = [connect() for _ in range(SLOW)]
    for each in slow:
        each.send(b"GET / HTTP/1.1\r\nX: ")
    with browser(f"http://127.0.0.1:{board.port}") as client:
        assert client.get("/").status_code == 200
        assert client.get("/routes").status_code == 200
    wait_until(lambda: not still_open(slow), "the end of all slow connections")
    wait_until(lambda: not board.connections(), "the release of their sockets")
    assert not board.running.has_ended


def test_browsers_that_do_not_read_a_large_page_are_closed(
    board: Board, connect: Callable[[], socket.socket]
) -> None:
    with browser(f"http://127.0.0.1:{board.port}") as client:
        assert len(client.get("/routes").content) > 200_000
    hanging = [connect() for _ in range(5)]
    for each in hanging:
        each.send((GET + b"\r\n") * 3)
    with browser(f"http://127.0.0.1:{board.port}") as client:
        assert client.get("/config").status_code == 200  # it is accepted after those
    assert board.connections()
    wait_until(lambda: not board.connections(), "the end of those that do not read")
    assert not board.running.has_ended
    assert "Traceback" not in board.running.err
