"""webhook: what a receiver gets, and which of its answers are final."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from servers import free_port, wait_until
from streamroute.errors import Reject, Retry, SetupError
from streamroute.handlers.webhooks import close_webhooks, webhook
from streamroute.message import Message

pytest.importorskip("httpx", reason="httpx is not installed")
pytest.importorskip("anyio", reason="httpx is installed without anyio, which it needs")


class Receiver(ThreadingHTTPServer):
    """A server that answers as it is told, and remembers what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.status = 200
        self.answer_headers: dict[str, str] = {}
        self.body = b""
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.clients: set[Any] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), json.loads(body)))
        self.server.clients.add(self.client_address)
        self.server.may_answer.wait(20)
        self.send_response(self.server.status)
        for name, value in self.server.answer_headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing on stderr."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.may_answer.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    """No connection outlives its test."""
    yield
    await close_webhooks()


async def test_the_message_is_posted_as_json(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "Bearer s3cret")
    await webhook(
        Message({"type": "t", "n": [1]}, id="1-0", stream="bookings"),
        url=f"{receiver.url}/hooks?a=1",
        headers={"X-Shop": "one"},
        headers_from_env={"Authorization": "HOOK_TOKEN"},
    )
    [(path, headers, body)] = receiver.requests
    assert (path, body) == ("/hooks?a=1", {"type": "t", "n": [1]})
    expected = {
        "Content-Type": "application/json",
        "X-Streamroute-Message": "bookings/1-0",
        "X-Shop": "one",
        "Authorization": "Bearer s3cret",
    }
    assert headers.items() >= expected.items()


async def test_connections_are_used_again(receiver: Receiver) -> None:
    for status in (200, 204, 200):
        receiver.status = status
        await webhook({"type": "t"}, url=receiver.url)
    assert len(receiver.requests) == 3
    assert len(receiver.clients) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_an_answer_that_may_change_is_retried_under_the_policy(receiver: Receiver, status: int) -> None:
    receiver.status, receiver.body = status, b"later"
    with pytest.raises(Retry) as caught:
        await webhook({}, url=f"{receiver.url}/s3cret")
    assert caught.value.delay is None
    assert str(caught.value) == f"{receiver.url} answered {status}: 'later'"


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 410, 422])
async def test_an_answer_that_stays_the_same_is_final(receiver: Receiver, status: int) -> None:
    receiver.status, receiver.answer_headers = status, {"Location": "/elsewhere"}
    with pytest.raises(Reject) as caught:
        await webhook({}, url=f"{receiver.url}/s3cret")
    assert caught.value.reason == f"{receiver.url} answered {status}"
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("99999999", 86_400, 86_400),
        pytest.param(
            *(format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True), 3_600, 7_200), id="a date"
        ),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("soon", None, None),
        ("9" * 5_000, 86_400, 86_400),
        ("Wed, 21 Oct 2015 07:28:00 +" + "9" * 30, None, None),
        ("Wed, 21 Oct 99999999 07:28:00 GMT", None, None),
    ],
)
async def test_the_receiver_says_when_to_come_back(
    receiver: Receiver, retry_after: str, least: float | None, most: float | None
) -> None:
    receiver.status, receiver.answer_headers = 503, {"Retry-After": retry_after}
    with pytest.raises(Retry) as caught:
        await webhook({}, url=receiver.url)
    if least is None or most is None:
        assert caught.value.delay is None
    else:
        assert caught.value.delay is not None
        assert least <= caught.value.delay <= most


async def test_no_answer_in_time_is_retried(receiver: Receiver) -> None:
    receiver.may_answer.clear()
    with pytest.raises(Retry, match=r"did not answer within 50ms"):
        await webhook({}, url=receiver.url, timeout="50ms")


async def test_a_receiver_that_is_not_there_is_retried() -> None:
    with pytest.raises(Retry, match=r"http://127.0.0.1:\d+ cannot be reached: ConnectError") as caught:
        await webhook({}, url=f"http://user:s3cret@127.0.0.1:{free_port()}/s3cret")
    assert "s3cret" not in str(caught.value)


async def test_an_answer_without_end_is_cut_short(receiver: Receiver) -> None:
    receiver.status, receiver.body = 400, b"x" * 1_000_000
    with pytest.raises(Reject) as caught:
        await webhook({}, url=receiver.url)
    assert len(caught.value.reason) < 200


async def test_a_cancelled_request_is_cancelled(receiver: Receiver) -> None:
    receiver.may_answer.clear()
    task = asyncio.create_task(webhook({}, url=receiver.url))
    await asyncio.to_thread(wait_until, lambda: receiver.requests, "the request to arrive")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_json_cannot_hold_is_final() -> None:
    with pytest.raises(Reject, match="cannot be written as JSON"):
        await webhook({"x": float("nan")}, url="http://127.0.0.1")


async def test_a_header_whose_variable_is_not_set_is_an_error_that_names_it() -> None:
    with pytest.raises(SetupError, match="environment variable NO_SUCH_TOKEN"):
        await webhook({}, url="http://127.0.0.1", headers_from_env={"Authorization": "NO_SUCH_TOKEN"})


async def test_without_httpx_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(SetupError, match=r"pip install 'streamroute\[webhook\]'"):
        await webhook({}, url="http://127.0.0.1")
