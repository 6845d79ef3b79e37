"""webhook: what a receiver gets, and which of its answers are final."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import re
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from consuming import within_patience
from loop_clock import LoopClock
from messages import message_of
from servers import free_port, wait_until
from streamroute.core.dispatch.outcomes import outcome_for
from streamroute.core.dispatch.routes import Route
from streamroute.errors import Reject, Retry, SetupError
from streamroute.handlers import webhooks
from streamroute.handlers.contract import CHECK
from streamroute.handlers.webhooks import close_webhooks, webhook, webhook_connections
from streamroute.logs.exception_text import traceback_text
from streamroute.message import Message
from streamroute.testing import TestApp
from streamroute.trace_context import TraceContext
from streamroute.values import RetryPolicy

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
        self.drips = False
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.clients: set[Any] = set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has had enough is no trouble."""

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
        with suppress(BrokenPipeError, ConnectionResetError):  # the client has had enough
            while self.server.drips:
                self.wfile.write(b"x")
                time.sleep(0.01)
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


async def test_a_request_is_part_of_the_trace_of_its_message(receiver: Receiver) -> None:
    """The context of its span comes first, then that of its producer; a configured header replaces it."""
    own = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01", "tracestate": "v=1"}
    produced = f"00-{'3' * 32}-{'4' * 16}-00"
    fields = {b"traceparent": produced.encode()}
    await webhook(
        message_of({}, id="1-0", fields=fields, trace=TraceContext(*own.values())), url=receiver.url
    )
    await webhook(Message({}, id="1-0", fields=fields), url=receiver.url)
    await webhook(Message({}, id="1-0", fields=fields), url=receiver.url, headers={"Traceparent": "mine"})
    await webhook(Message({}, id="1-0", fields={b"traceparent": b"bad\r\nX: 1"}), url=receiver.url)
    sent = [{name.lower(): value for name, value in headers.items()} for _, headers, _ in receiver.requests]
    assert {name: sent[0][name] for name in own} == own
    assert [headers.get("traceparent") for headers in sent[1:]] == [produced, "mine", None]
    assert "tracestate" not in sent[1]


async def test_connections_are_used_again(receiver: Receiver) -> None:
    for status in (200, 204, 200):
        receiver.status = status
        await webhook({"type": "t"}, url=receiver.url)
    assert len(receiver.requests) == 3
    assert len(receiver.clients) == 1


async def test_no_cookie_of_a_receiver_is_kept(receiver: Receiver) -> None:
    """The connections are shared: what one receiver sets would go with the messages of other routes."""
    receiver.answer_headers["Set-Cookie"] = "session=theirs; Path=/"
    for _ in range(2):
        await webhook({"type": "t"}, url=receiver.url)
    assert all("Cookie" not in headers for _, headers, _ in receiver.requests)


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
        ("Fri, 31 Dec 9999 23:59:59 -2359", 86_400, 86_400),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0, 0),
        *((odd, None, None) for odd in ("-5", "+5", "5.5", "1e9", "NaN", "inf", "", "7, 8", "0x10")),
        (" 7 ", 7, 7),
    ],
)
async def test_a_retry_waits_as_long_as_retry_after_requests(
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
    with pytest.raises(Retry, match=r"could not reach http://127.0.0.1:\d+: ConnectError") as caught:
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


async def test_payloads_outside_json_are_rejected() -> None:
    with pytest.raises(Reject, match="could not encode the message as JSON"):
        await webhook({"x": float("nan")}, url="http://127.0.0.1")


async def test_a_header_whose_variable_is_not_set_is_an_error_that_names_it() -> None:
    with pytest.raises(SetupError, match='environment variable "NO_SUCH_TOKEN"'):
        await webhook({}, url="http://127.0.0.1", headers_from_env={"Authorization": "NO_SUCH_TOKEN"})


async def test_without_httpx_the_error_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(SetupError, match=r"pip install 'streamroute\[webhook\]'"):
        await webhook({}, url="http://127.0.0.1")


SECRETS = ["s3cret-token\n", " s3cret-token", "s3cret-token ", "s3cret\x00-token"]
SECRETS += ["s3cret\r\nX-Admin: 1-token", "s3cret-t\u00f6ken-token"]


@pytest.mark.parametrize("value", [*SECRETS, "", "s3cret-" + "x" * 9_000])
async def test_a_value_that_cannot_be_sent_is_refused_before_and_never_quoted(
    value: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if "\x00" not in value:  # the operating system has none
        monkeypatch.setenv("HOOK_TOKEN", value)
        with pytest.raises(SetupError, match='from environment variable "HOOK_TOKEN": it') as from_env:
            await webhook({}, url=receiver.url, headers_from_env={"Authorization": "HOOK_TOKEN"})
        assert not said_of(from_env.value, caplog) & {"s3cret", "token"}
    with pytest.raises(SetupError, match='invalid value of header "Authorization"') as stated:
        await webhook({}, url=receiver.url, headers={"Authorization": value})
    assert not said_of(stated.value, caplog) & {"s3cret", "token"}
    assert receiver.requests == []


def said_of(error: BaseException, caplog: pytest.LogCaptureFixture) -> set[str]:
    """The words of what a failure leaves behind: its dead letter, and the log."""
    handler: Any = webhook
    made = outcome_for(Route("r", handler, None), error, 1, RetryPolicy(max_attempts=1))
    return set(re.findall(r"\w+", f"{made}{traceback_text(error)}{caplog.text}"))


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://127.0.0.1:{port}/s3cret", Retry),
        ("http://user:s3cret@127.0.0.1:{port}/?key=s3cret", Retry),
        ("http://xn--\u00fc.invalid/s3cret", Reject),
        ("http://127.0.0.1:{port}/s3cret\n", SetupError),
        ("http://127.0.0.1:99999/s3cret", SetupError),
        ("http://127.0.0.1:0/s3cret", SetupError),
        ("http://[::1/s3cret", SetupError),
        ("gopher://s3cret/", SetupError),
        ("http://127.0.0.1/s3cret" + "x" * 9_000, SetupError),
    ],
)
async def test_an_address_is_never_quoted_beyond_its_port(
    url: str, kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(kind) as caught:
        await webhook({}, url=url.format(port=free_port()))
    assert not said_of(caught.value, caplog) & {"s3cret"}


async def test_a_proxy_s_password_is_never_quoted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for proxy in (
        "ftp://user:s3cret@proxy:1",
        f"http://user:s3cret@127.0.0.1:{free_port()}",
        "http://s3cret^/",
    ):
        await close_webhooks()
        monkeypatch.setenv("HTTP_PROXY", proxy)
        with caplog.at_level(logging.DEBUG), pytest.raises((Retry, Reject)) as caught:
            await webhook({}, url="http://hooks.invalid/")
        assert not said_of(caught.value, caplog) & {"s3cret"}


async def test_the_http_clients_logs_of_webhooks_are_dropped_and_others_kept(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """It logs whole addresses, and headers at debug."""
    import httpx

    with caplog.at_level(logging.DEBUG):
        await webhook({}, url=f"{receiver.url}/s3cret", headers={"Authorization": "s3cret"})
        assert "s3cret" not in caplog.text
        async with httpx.AsyncClient(timeout=None) as client:  # noqa: S113 - a busy machine may be slow
            await client.post(f"{receiver.url}/mine", content=b"{}")
    assert "/mine" in caplog.text


async def test_nothing_is_decompressed(receiver: Receiver) -> None:
    """Gzip in gzip: 1.4 KB that would be a gigabyte and a half."""
    bomb = gzip.compress(gzip.compress(b"x" * 10_000_000))
    receiver.status, receiver.body = 500, bomb
    receiver.answer_headers = {"Content-Encoding": "gzip, gzip"}
    with pytest.raises(Retry) as caught:
        await webhook({}, url=receiver.url)
    assert "xxxx" not in str(caught.value)
    assert receiver.requests[0][1]["Accept-Encoding"] == "identity"
    receiver.status = 200
    await webhook({}, url=receiver.url)


async def time_out_while_it_drips(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Post to a receiver whose response does not end; advance the clock once its status has arrived."""
    reading, excerpt = asyncio.Event(), webhooks._body_excerpt

    async def read(response: Any) -> str:
        reading.set()
        return await excerpt(response)

    monkeypatch.setattr(webhooks, "_body_excerpt", read)
    clock = LoopClock(monkeypatch)
    receiver.body, receiver.drips = b"x" * 1_000_000, True
    posting = asyncio.create_task(webhook({}, url=receiver.url, timeout="10m"))
    await within_patience(reading.wait())
    await clock.advance(601)
    await within_patience(posting)


async def test_an_answer_that_drips_is_bounded_by_the_timeout(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.status = 400
    with pytest.raises(Retry, match="did not answer within 10m"):
        await time_out_while_it_drips(receiver, monkeypatch)


async def test_a_slow_success_is_not_sent_again(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver has the message: to send it again would have its effect twice."""
    await time_out_while_it_drips(receiver, monkeypatch)
    assert len(receiver.requests) == 1


async def test_an_endless_success_response_is_not_read_completely(receiver: Receiver) -> None:
    receiver.body = b"x" * 50_000_000
    await webhook({}, url=receiver.url)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("stream", "shown"),
    [
        ("bookings", "bookings"),
        ("st\u00f6rung", "st%C3%B6rung"),
        ("a b\r\nX-Evil: 1", "a%20b%0D%0AX-Evil:%201"),
    ],
)
async def test_the_stream_name_is_sent_in_a_header(receiver: Receiver, stream: str, shown: str) -> None:
    await webhook(Message({}, id="1-0", stream=stream), url=receiver.url)
    assert receiver.requests[0][1]["X-Streamroute-Message"] == f"{shown}/1-0"


async def test_a_custom_header_replaces_the_default_one_in_any_case(receiver: Receiver) -> None:
    await webhook({}, url=receiver.url, headers={"USER-AGENT": "shop", "content-type": "application/x+json"})
    headers = receiver.requests[0][1]
    assert (headers["USER-AGENT"], headers["content-type"]) == ("shop", "application/x+json")
    assert not {"User-Agent", "Content-Type"} & headers.keys()


@pytest.mark.parametrize(
    "arguments",
    [
        {"headers": {"A b": "x"}},
        {"headers": {"Content-Length": "1"}},
        {"headers_from_env": {"X\nY": "V"}},
        {"headers_from_env": {"Transfer-Encoding": "V"}},
        {"headers": {f"h{n}": "x" for n in range(101)}},
        {"headers": {"X-Key": "a", "x-key": "b"}},
        {"headers": {"X-Key": "a"}, "headers_from_env": {"x-KEY": "V"}},
        {"headers_from_env": {"X-Key": "V", "X-KEY": "W"}},
    ],
)
async def test_headers_that_no_request_can_have_are_refused_by_check_and_before_sending(
    receiver: Receiver, arguments: dict[str, Any]
) -> None:
    check = vars(webhook)[CHECK]
    [complaint] = check({"url": receiver.url, **arguments}, ["s"])
    assert complaint.key in arguments
    with pytest.raises(SetupError):
        await webhook({}, url=receiver.url, **arguments)
    assert receiver.requests == []


@pytest.mark.parametrize("user", ["bob:s3cret@", "s3cret@", ":s3cret@", "bob:@"])
@pytest.mark.parametrize(
    "headers",
    [
        {"headers": {"Authorization": "Bearer t0ken"}},
        {"headers": {"X-A": "1", "AUTHORIZATION": "Bearer t0ken"}},
        {"headers_from_env": {"authorization": "HOOK_TOKEN"}},
    ],
)
async def test_an_address_with_a_password_takes_no_other_authorization(
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    user: str,
    headers: dict[str, Any],
) -> None:
    """The client would send that of the address, and drop the header without a word."""
    monkeypatch.setenv("HOOK_TOKEN", "Bearer t0ken")
    arguments = {"url": receiver.url.replace("://", f"://{user}"), **headers}
    [complaint] = vars(webhook)[CHECK](arguments, ["s"])
    assert complaint.key == "url"
    with pytest.raises(SetupError, match='duplicate header "Authorization"') as caught:
        await webhook({}, **arguments)
    assert receiver.requests == []
    for output in (str(caught.value), *complaint):
        assert not {"s3cret", "t0ken", "bob"} & set(re.split(r"\W", str(output)))


async def test_an_address_with_a_password_is_an_authorization(receiver: Receiver) -> None:
    arguments: dict[str, Any] = {
        "url": receiver.url.replace("://", "://bob:s3cret@"),
        "headers": {"X-Authorization": "1"},
    }
    assert not list(vars(webhook)[CHECK](arguments, ["s"]))
    await webhook({}, **arguments)
    assert receiver.requests[0][1]["Authorization"] == f"Basic {base64.b64encode(b'bob:s3cret').decode()}"


async def test_connections_are_kept_until_the_last_app_of_the_loop_ends(receiver: Receiver) -> None:
    async with webhook_connections():
        async with webhook_connections():
            await webhook({}, url=receiver.url)
            client = webhooks._clients[asyncio.get_running_loop()]
        await webhook({}, url=receiver.url)
        assert webhooks._clients[asyncio.get_running_loop()] is client
    assert client.is_closed
    assert len(receiver.requests) == 2


async def test_a_test_app_keeps_the_connections_of_an_app_beside_it(
    receiver: Receiver, tmp_path: Path
) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text(
        "version: 1\nstreams: {events: {group: g}}\n"
        "routes: [{name: log, stream: events, type: t, handler: streamroute.handlers.log}]\n"
    )
    async with webhook_connections():
        await webhook({}, url=receiver.url)
        client = webhooks._clients[asyncio.get_running_loop()]
        async with TestApp(path):
            pass
        assert not client.is_closed
