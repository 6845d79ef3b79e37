"""The metrics endpoint over HTTP."""

from __future__ import annotations

import itertools
import socket
import threading
import urllib.error
import urllib.request
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from servers import wait_until
from streamroute.errors import SetupError
from streamroute.ops.metrics.server import Endpoint, Start, http_server, pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ANYWHERE = Endpoint("127.0.0.1", 0)


def metrics(_request: dict[str, Any], start: Start) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"metrics\n"]


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own server
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with closing(error):
            return error.code, error.read().decode()


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("9464", Endpoint("127.0.0.1", 9464)),
        ("0.0.0.0:80", Endpoint("0.0.0.0", 80)),  # noqa: S104 - it is only read
        ("localhost:0", Endpoint("localhost", 0)),
        ("[::1]:9464", Endpoint("::1", 9464)),
    ],
)
def test_an_endpoint_is_a_host_and_a_port(text: str, endpoint: Endpoint) -> None:
    assert Endpoint.read(text) == endpoint
    assert str(endpoint).endswith(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (":9464", "names no host; write 0.0.0.0:9464"),
        ("::1:9464", "write an IPv6 address in brackets"),
        ("localhost", "does not end in a port"),
        ("localhost:http", "does not end in a port"),
        ("127.0.0.1:65536", "does not end in a port"),
        ("", "does not end in a port"),
    ],
)
def test_an_invalid_endpoint_is_explained(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Endpoint.read(text)


def test_metrics_and_health_have_pages_and_nothing_else_has() -> None:
    health_problems: list[str] = []
    with http_server(ANYWHERE, pages(metrics, lambda: health_problems)) as at:
        assert get(f"http://{at}/metrics") == (200, "metrics\n")
        assert get(f"http://{at}/healthz") == (200, "ok\n")
        health_problems += ["this", "and that"]
        assert get(f"http://{at}/healthz") == (503, "this\nand that\n")
        assert get(f"http://{at}/")[0] == 404


def test_a_silent_client_does_not_block_others() -> None:
    with http_server(ANYWHERE, pages(metrics, list)) as at:
        with socket.create_connection((at.host, at.port)):
            assert get(f"http://{at}/metrics")[0] == 200
        assert get(f"http://{at}/metrics")[0] == 200


def ask(at: Endpoint, request: bytes) -> socket.socket:
    connection = socket.create_connection((at.host, at.port), timeout=20)
    connection.sendall(request)
    return connection


def rest_of(connection: socket.socket) -> bytes:
    """Return what a client reads until the server closes; empty if it was closed without a response."""
    parts = []
    with connection, suppress(ConnectionError):
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def threads() -> int:
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


def test_idle_connections_fill_no_server() -> None:
    """The oldest ones are closed: each scrape is answered, by a bounded number of threads."""
    with http_server(ANYWHERE, pages(metrics, list), patience=600) as at, ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(ask(at, b"GET /metr"))
            assert get(f"http://{at}/metrics") == (200, "metrics\n")
            assert threads() <= 8
    wait_until(lambda: threads() == 0, "the threads to end")


@pytest.mark.parametrize("begun", [b"", b"GET /metrics", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: y"])
def test_a_request_has_a_deadline_as_a_whole(begun: bytes) -> None:
    """However slowly its bytes arrive."""
    with http_server(ANYWHERE, metrics, patience=0.3) as at:
        connection, done = ask(at, begun), threading.Event()

        def drip() -> None:
            with suppress(OSError):
                while not done.wait(0.02):
                    connection.sendall(b"z")

        dripping = threading.Thread(target=drip)
        dripping.start()
        assert rest_of(connection) == b""
        done.set()
        dripping.join()


def test_an_answer_that_is_not_read_has_the_same_deadline() -> None:
    begun = threading.Event()

    def endless(_request: dict[str, Any], start: Start) -> Iterable[bytes]:
        begun.set()
        start("200 OK", [("Content-Type", "text/plain")])
        return itertools.repeat(b"x" * 65_536)

    with http_server(ANYWHERE, endless, patience=0.3) as at, ask(at, b"GET / HTTP/1.0\r\n\r\n"):
        wait_until(begun.is_set, "the request to be answered")
        wait_until(lambda: threads() == 0, "the answer to be given up")
        assert threads() == 0


@pytest.mark.parametrize(
    "headers",
    [b"X: " + b"y" * 17_000, b"\r\n".join(b"X%d: y" % n for n in range(5_000)), b"X: " + b"y" * 70_000],
)
def test_a_request_has_a_bounded_length(headers: bytes) -> None:
    with http_server(ANYWHERE, metrics) as at:
        assert b"200 OK" not in rest_of(ask(at, b"GET / HTTP/1.1\r\n" + headers + b"\r\n\r\n"))
        assert b"200 OK" in rest_of(ask(at, b"GET / HTTP/1.1\r\nX: " + b"y" * 15_000 + b"\r\n\r\n"))


@pytest.mark.parametrize(
    "request_line",
    [
        *(b"GET /metrics\r\n", b"GET /metrics\n", b"GET\r\n", b"GET /metrics HTTP/0.9\r\n"),
        *(b"\r\n", b"\n", b"  \r\n", b"\r\nGET / HTTP/1.1\r\n\r\n", b" GET / HTTP/1.1\r\n\r\n"),
        *(b"GET / HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1 x\r\n", b"A: b\r\n"),
        *(
            b"GET  / HTTP/1.1\r\n",
            b"GET / HTTP/1.1\rX: y\r\n",
            b"GET /\xff HTTP/1.1\r\n",
            b"GET /\0 HTTP/1.1\r\n",
        ),
        pytest.param(b"x" * 20_000, id="a long line"),
        pytest.param(b"GET /" + b"x" * 9_000, id="a long address"),
        pytest.param(b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n", id="a huge address"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"y" * 17_000, id="a long header"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", id="the greeting of TLS"),
    ],
)
def test_invalid_requests_are_refused_without_waiting_for_more(request_line: bytes) -> None:
    with http_server(ANYWHERE, metrics, patience=600) as at:
        answer = rest_of(ask(at, request_line))
        assert answer.startswith(b"HTTP/1.0 400 Bad Request\r\n")
        assert b"200 OK" in rest_of(ask(at, b"GET / HTTP/1.1\r\n\r\n"))


def test_a_client_that_leaves_at_once_is_no_request() -> None:
    """As a load balancer does that only checks whether the port is open."""
    with http_server(ANYWHERE, metrics, patience=600) as at:
        connection = ask(at, b"")
        connection.shutdown(socket.SHUT_WR)
        assert rest_of(connection) == b""
        connection = ask(at, b"GET / HT")
        connection.shutdown(socket.SHUT_WR)
        assert b" 400 " in rest_of(connection)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *((host, 200) for host in ("localhost", "LOCALHOST:9464", "localhost.", "127.0.0.1:1", "[::1]:9464")),
        *((host, 200) for host in ("[::1]", "10.0.0.7")),
        *((host, 421) for host in ("evil.example", "evil.example:9464", "localhost.evil.example", "")),
        *((host, 421) for host in ("127.0.0.1.evil.example", "127.0.0.1@evil.example", "[evil]:1", "a:b:c")),
    ],
)
def test_on_loopback_only_local_host_names_are_accepted(host: str, status: int) -> None:
    """A web page's own host name may resolve to this machine, and its scripts would read the response."""
    with http_server(ANYWHERE, pages(metrics, list)) as at:
        answer = rest_of(ask(at, f"GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()))
        assert int(answer.split()[1]) == status
        assert b"200 OK" in rest_of(ask(at, b"GET /metrics HTTP/1.0\r\n\r\n"))


def test_on_other_addresses_any_host_name_is_accepted() -> None:
    with http_server(Endpoint("0.0.0.0", 0), pages(metrics, list)) as at:  # noqa: S104 - for this test
        here = Endpoint("127.0.0.1", at.port)
        answer = rest_of(ask(here, b"GET /metrics HTTP/1.1\r\nHost: metrics.example\r\n\r\n"))
        assert b"200 OK" in answer


class _Routes(Collector):
    """Exposes a series for each of ``count`` routes; with ``fails``, raises in the middle."""

    def __init__(self, count: int, *, fails: bool = False) -> None:
        self._count = count
        self._fails = fails

    def collect(self) -> Iterator[Metric]:
        gauge = GaugeMetricFamily("handlers", "Of many routes.", labels=["route"])
        for number in range(self._count):
            gauge.add_metric([f"route-{number}"], 1)
        yield gauge
        if self._fails:
            raise RuntimeError("in the middle")


def exposing(routes: _Routes) -> Any:
    """Return an application that exposes these."""
    registry = CollectorRegistry(support_collectors_without_names=True)
    registry.register(routes)
    return pages(make_wsgi_app(registry), list)


def test_an_answer_has_its_length_so_that_a_client_knows_when_it_is_cut() -> None:
    with http_server(ANYWHERE, exposing(_Routes(10_000))) as at:
        head, _, body = rest_of(ask(at, b"GET /metrics HTTP/1.0\r\n\r\n")).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert body.count(b"\n") == 10_002


def test_an_exposition_that_fails_is_an_error_and_no_part_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    with http_server(ANYWHERE, exposing(_Routes(10, fails=True))) as at:
        status, text = get(f"http://{at}/metrics")
    assert status == 500
    assert "route-1" not in text
    assert "in the middle" in capsys.readouterr().err


def test_a_port_in_use_is_an_error() -> None:
    with http_server(ANYWHERE, metrics) as at, pytest.raises(SetupError) as error:
        http_server(at, metrics).__enter__()
    assert str(error.value) == f"--metrics cannot listen on {at}: address already in use"


def test_a_foreign_host_address_is_an_error() -> None:
    with pytest.raises(SetupError, match=r"--metrics cannot listen on 192\.0\.2\.1:9464: "):
        http_server(Endpoint("192.0.2.1", 9464), metrics).__enter__()


def test_the_port_is_free_again_afterwards() -> None:
    with http_server(ANYWHERE, metrics) as at:
        get(f"http://{at}/")
    with http_server(at, metrics) as again:
        assert again == at
