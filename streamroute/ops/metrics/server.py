"""The metrics endpoint: a small HTTP server in its own threads, independent of a busy event loop."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from streamroute.errors import SetupError
from streamroute.ops.metrics.bounded_server import BoundedServer, is_local_name

_REQUEST_TIMEOUT: Final = 10.0  # seconds that a client has for its request and the response

Start = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of the metrics endpoint; port 0 selects a free port."""

    host: str
    port: int

    @classmethod
    def read(cls, text: str) -> Endpoint:
        """Parse ``HOST:PORT``, ``[::1]:9464``, or a port of 127.0.0.1; raise ValueError for anything else."""
        host, _, port = text.rpartition(":") if ":" in text else ("127.0.0.1", ":", text)
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            raise ValueError(f"{text!r} is ambiguous; write an IPv6 address in brackets: [::1]:9464")
        if not host:
            raise ValueError(f"{text!r} names no host; write 0.0.0.0{text} for every address of this machine")
        if not (port.isascii() and port.isdigit() and int(port) < 2**16):
            raise ValueError(f"{text!r} does not end in a port; write HOST:PORT or PORT, e.g. 127.0.0.1:9464")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@contextmanager
def http_server(
    endpoint: Endpoint, application: Application, patience: float = _REQUEST_TIMEOUT
) -> Iterator[Endpoint]:
    """Serve a WSGI application inside the block; yield the endpoint with its actual port.

    A client has ``patience`` seconds for its request and the response. On a loopback address, the Host header
    must name this machine. Raises SetupError if the address cannot be bound.
    """
    try:
        family, *_, address = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)[0]
        host = str(address[0])
        server = BoundedServer(family, (host, endpoint.port), patience)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SetupError(f"--metrics cannot listen on {endpoint}: {reason.lower()}") from error
    is_loopback = ipaddress.ip_address(host.partition("%")[0]).is_loopback
    server.set_app(_local_only(application, endpoint.host) if is_loopback else application)
    thread = threading.Thread(target=server.serve_forever, name="streamroute metrics", daemon=True)
    thread.start()
    try:
        yield Endpoint(endpoint.host, server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _local_only(application: Application, name: str) -> Application:
    def answer(request: dict[str, Any], start: Start) -> Iterable[bytes]:
        host = request.get("HTTP_HOST")
        if host is None or is_local_name(host, name):
            return application(request, start)
        return _text(start, "421 Misdirected Request", ["request it by an IP address or as localhost"])

    return answer


def pages(metrics: Application, health_problems: Callable[[], Sequence[str]]) -> Application:
    """Return an application with ``/metrics`` and ``/healthz`` (200, or 503 with the problems)."""

    def answer(request: dict[str, Any], start: Start) -> Iterable[bytes]:
        match request.get("PATH_INFO"):
            case "/metrics":
                return metrics(request, start)
            case "/healthz":
                problems = health_problems()
                return _text(start, "503 Service Unavailable" if problems else "200 OK", problems or ["ok"])
            case _:
                return _text(start, "404 Not Found", ["not found; this server has /metrics and /healthz"])

    return answer


def _text(start: Start, status: str, lines: Sequence[str]) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return ["".join(f"{line}\n" for line in lines).encode()]
