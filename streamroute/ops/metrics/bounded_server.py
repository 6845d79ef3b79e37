"""An HTTP server that no client can fill: few connections, each with a deadline, and little to read."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from contextlib import suppress
from io import BufferedIOBase
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

_MOST_CONNECTIONS: Final = 8
_LONGEST_REQUEST: Final = 16_384  # bytes of a request's line and headers
_LONGEST_LINE: Final = 8_192  # bytes of the request's line
_REQUEST: Final = re.compile(rb"[A-Za-z]+ [!-~]+ HTTP/1\.[0-9]\r?\n")
_REFUSAL: Final = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    b"this is no HTTP request, or a very long one\n"
)
_LEFT_UNREAD: Final = 1_000_000  # bytes that are taken from a client, so that it can read the refusal
_ROOM: Final = 1.0  # seconds that a new connection waits for the thread of the one that it replaces


class BoundedServer(ThreadingMixIn, WSGIServer):
    """Serves a WSGI application, a thread for each of at most eight connections.

    A connection has ``patience`` seconds for all of its request and answer. Where there is no room for a new
    one, the oldest is closed: those that have done nothing so far hold up no other.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, family: socket.AddressFamily, address: tuple[str, int], patience: float) -> None:
        self.address_family = family
        self._patience = patience
        self._room = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self._open: dict[Any, float] = {}  # connections, the oldest first, and when they are closed
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """As the base class, which would look up the host's full name: a broken DNS takes seconds for it."""
        TCPServer.server_bind(self)
        host, port = self.socket.getsockname()[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()

    def service_actions(self) -> None:
        """Close what has taken too long; it is called twice a second."""
        now = time.monotonic()
        with self._lock:
            late = [connection for connection, until in self._open.items() if until <= now]
        for connection in late:
            _end(connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread."""
        if not self._room.acquire(blocking=False):
            with self._lock:
                oldest = next(iter(self._open), None)
            _end(oldest)
            if not self._room.acquire(timeout=_ROOM):
                self.shutdown_request(request)
                return
        with self._lock:
            self._open[request] = time.monotonic() + self._patience
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread can be started now
            self._close(request)
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection, and make room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._close(request)

    def _close(self, request: Any) -> None:
        with self._lock:
            del self._open[request]
        self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is nobody's trouble."""


def _end(connection: socket.socket | None) -> None:
    """Have whatever waits for this connection find it closed."""
    if connection is not None:
        with suppress(OSError):  # it has ended by itself
            connection.shutdown(socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    def setup(self) -> None:
        super().setup()
        self.rfile: Any = _Bounded(self.rfile)

    def handle(self) -> None:
        """Answer one request; what is none is refused at once, and not waited for."""
        try:
            super().handle()
        except _UnfitError:
            self.wfile.write(_REFUSAL)
            self._take_what_has_come()

    def _take_what_has_come(self) -> None:
        """A connection that is closed with something unread in it is reset, and its answer may be lost."""
        self.connection.setblocking(False)
        with suppress(OSError):  # there is no more
            for _ in range(0, _LEFT_UNREAD, _LONGEST_REQUEST):
                if not self.connection.recv(_LONGEST_REQUEST):
                    return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives
        """Scrapes are no news."""


class _UnfitError(Exception):
    """Raised for what is no request, or too long."""


class _Bounded(BufferedIOBase):
    """The lines of a request; raises _UnfitError where they go on and on, or the first is no request's."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = _LONGEST_REQUEST
        self._is_begun = False

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._next(size) if self._is_begun else self._first()

    def _first(self) -> bytes:
        """The request's line; empty where the client has left without one."""
        self._is_begun = True
        begins = self._stream.peek(1)[:1]
        if begins and not begins.isalpha():
            raise _UnfitError  # not even a line may come, of a client that speaks TLS
        line = self._next(_LONGEST_LINE)
        if line and not _REQUEST.fullmatch(line):
            raise _UnfitError
        return line

    def _next(self, size: int | None) -> bytes:
        most = self._left + 1 if size is None or size < 0 else min(size, self._left + 1)
        line: bytes = self._stream.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise _UnfitError
        return line

    def close(self) -> None:
        self._stream.close()


def is_local_name(host: str, *names: str) -> bool:
    """Whether the Host of a request names this machine: an address, localhost, or one of ``names``.

    A page in a browser can have any other name lead to this machine, and then read what is answered.
    """
    name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
    name = name.strip("[]").rstrip(".").lower()
    if name in ("localhost", *(known.lower() for known in names)):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
