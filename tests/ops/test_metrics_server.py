"""The endpoint of metrics, asked over HTTP."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from streamroute.errors import SetupError
from streamroute.ops.metrics.server import Endpoint, Start, http_server, pages

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    ("text", "said"),
    [
        (":9464", "names no host; write 0.0.0.0:9464"),
        ("::1:9464", "write an IPv6 address in brackets"),
        ("localhost", "does not end in a port"),
        ("localhost:http", "does not end in a port"),
        ("127.0.0.1:65536", "does not end in a port"),
        ("", "does not end in a port"),
    ],
)
def test_what_is_no_endpoint_is_explained(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Endpoint.read(text)


def test_metrics_and_health_have_pages_and_nothing_else_has() -> None:
    complaints: list[str] = []
    with http_server(ANYWHERE, pages(metrics, lambda: complaints)) as at:
        assert get(f"http://{at}/metrics") == (200, "metrics\n")
        assert get(f"http://{at}/healthz") == (200, "ok\n")
        complaints += ["this", "and that"]
        assert get(f"http://{at}/healthz") == (503, "this\nand that\n")
        assert get(f"http://{at}/")[0] == 404


def test_a_client_that_says_nothing_holds_up_no_other() -> None:
    with http_server(ANYWHERE, pages(metrics, list)) as at:
        with socket.create_connection((at.host, at.port)):
            assert get(f"http://{at}/metrics")[0] == 200
        assert get(f"http://{at}/metrics")[0] == 200


def test_a_port_that_is_taken_is_an_error_that_says_so() -> None:
    with http_server(ANYWHERE, metrics) as at, pytest.raises(SetupError) as error:
        http_server(at, metrics).__enter__()
    assert str(error.value) == f"--metrics cannot listen on {at}: address already in use"


def test_a_host_that_is_none_of_ours_is_an_error_that_says_so() -> None:
    with pytest.raises(SetupError, match=r"--metrics cannot listen on 192\.0\.2\.1:9464: "):
        http_server(Endpoint("192.0.2.1", 9464), metrics).__enter__()


def test_the_port_is_free_again_afterwards() -> None:
    with http_server(ANYWHERE, metrics) as at:
        get(f"http://{at}/")
    with http_server(at, metrics) as again:
        assert again == at
