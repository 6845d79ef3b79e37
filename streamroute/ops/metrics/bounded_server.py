"""An HTTP server with limits: few connections, a deadline for each, and small requests."""

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

_MAX_CONNECTIONS: Final = 8
_MAX_REQUEST_BYTES: Final = 16_384  # bytes of the request line and headers
_MAX_LINE_BYTES: Final = 8_192  # bytes of the request line
_REQUEST: Final = re.compile(rb"[A-Za-z]+ [!-~]+ HTTP/1\.[0-9]\r?\n")
_REFUSAL: Final = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    b"this is no HTTP request, or a very long one\n"
)
_LEFT_UNREAD: Final = 1_000_000  # bytes read and discarded, so that the client can read the refusal
_ROOM: Final = 1.0  # seconds that a new connection waits for the thread of the one it replaces


class BoundedServer(ThreadingMixIn, WSGIServer):
    """Serves a WSGI application, with a thread for each of at most eight connections.

    A connection has ``patience`` seconds for its request and response. When all are in use, a new connection
    replaces the oldest, so that idle connections do not block others.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, family: socket.AddressFamily, address: tuple[str, int], patience: float) -> None:
        self.address_family = family
        self._patience = patience
        self._room = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._open: dict[Any, float] = {}  # deadlines by connection, oldest first
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without looking up the host's full name, which takes seconds if DNS is broken."""
        TCPServer.server_bind(self)
        host, port = self.socket.getsockname()[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()

    def service_actions(self) -> None:
        """Close connections past their deadline; called twice a second."""
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
        except RuntimeError:  # no thread can be started
            self._close(request)
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection, then release its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._close(request)

    def _close(self, request: Any) -> None:
        with self._lock:
            del self._open[request]
        self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect early."""


def _end(connection: socket.socket | None) -> None:
    """Shut down a connection, which wakes the thread that waits for it."""
    if connection is not None:
        with suppress(OSError):  # already closed
            connection.shutdown(socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    def setup(self) -> None:
        super().setup()
        self.rfile: Any = _Bounded(self.rfile)

    def handle(self) -> None:
        """Answer one request; refuse an invalid one at once."""
        try:
            super().handle()
        except InvalidRequestError:
            self.wfile.write(_REFUSAL)
            self._read_available()

    def _read_available(self) -> None:
        """Discard unread data: closing a connection with unread data resets it, and may lose the response."""
        self.connection.setblocking(False)
        with suppress(OSError):  # no more data
            for _ in range(0, _LEFT_UNREAD, _MAX_REQUEST_BYTES):
                if not self.connection.recv(_MAX_REQUEST_BYTES):
                    return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives
        """Do not log requests."""


class InvalidRequestError(Exception):
    """Raised for an invalid or too long request."""


class _Bounded(BufferedIOBase):
    """The lines of a request.

    Raises InvalidRequestError if they are too long, or if the first is not a request line.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = _MAX_REQUEST_BYTES
        self._is_begun = False

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._next(size) if self._is_begun else self._first()

    def _first(self) -> bytes:
        """Return the request line; empty if the client disconnected without one."""
        self._is_begun = True
        begins = self._stream.peek(1)[:1]
        if begins and not begins.isalpha():
            raise InvalidRequestError  # e.g. a TLS client, which may never send a line
        line = self._next(_MAX_LINE_BYTES)
        if line and not _REQUEST.fullmatch(line):
            raise InvalidRequestError
        return line

    def _next(self, size: int | None) -> bytes:
        most = self._left + 1 if size is None or size < 0 else min(size, self._left + 1)
        line: bytes = self._stream.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise InvalidRequestError
        return line

    def close(self) -> None:
        self._stream.close()


def is_local_name(host: str, *names: str) -> bool:
    """Whether the Host header names this machine: an IP address, localhost, or one of ``names``.

    Protects against DNS rebinding: a web page can resolve any other name to this machine and read the
    response.
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
