"""``streamroute.handlers.webhook``: send a message as an HTTP request."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from streamroute.adapters.codecs.strict_json import short_repr, write_json
from streamroute.durations import parse_duration
from streamroute.errors import Reject, Retry, SetupError
from streamroute.handlers.contract import ArgumentProblem, built_in
from streamroute.handlers.request_headers import conflicting_authorization, header_problems, headers_of
from streamroute.handlers.retry_after import seconds_of
from streamroute.logs.exception_text import error_line
from streamroute.system.extras import import_extra, is_installed
from streamroute.text.limits import NAME
from streamroute.text.safe_text import safe_str, type_name

_TIMEOUT: Final = "10s"
_MAX_READ: Final = 65_536  # bytes of a response
_MAX_SHOWN: Final = 200  # bytes of an error response
_LONGEST_URL: Final = 8_000  # characters
_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")  # in an address
_LOGGERS: Final = (
    "httpx",
    *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")),
)
_RETRYABLE: Final = frozenset({408, 425, 429})
"""Temporary client errors: timeout, too early, too many requests."""

_is_sending: ContextVar[bool] = ContextVar("streamroute webhook", default=False)
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()
_users: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()
"""How many apps of an event loop share its connections."""


def _check(arguments: Mapping[str, Any], _streams: Sequence[str]) -> Iterator[ArgumentProblem]:
    if not is_installed("httpx"):
        yield ArgumentProblem(None, "webhooks need httpx", "pip install 'streamroute[webhook]'")
    url: Any = arguments.get("url")
    if "url" in arguments and not _is_address(url):
        yield ArgumentProblem("url", '"url" must be an address such as https://example.com/hooks')
    headers = {key: arguments.get(key) or {} for key in ("headers", "headers_from_env")}
    mistyped = [key for key, names in headers.items() if not _are_strings(names)]
    for key in mistyped:
        yield ArgumentProblem(key, f'"{key}" must map names to strings')
    if not mistyped:
        yield from (ArgumentProblem(key, problem) for key, problem in header_problems(*headers.values()))
        if _is_address(url) and (problem := conflicting_authorization(url, *headers.values())):
            yield ArgumentProblem("url", problem, "take them out of the address, or leave the header out")
    try:
        parse_duration(arguments.get("timeout", _TIMEOUT))
    except (TypeError, ValueError):
        yield ArgumentProblem("timeout", '"timeout" must be a duration such as 10s')


def _is_address(value: Any) -> bool:
    try:
        if not isinstance(value, str) or len(value) > _LONGEST_URL or _UNPRINTABLE.search(value):
            return False
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _are_strings(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(text, str) for pair in value.items() for text in pair
    )


@built_in(check=_check)
async def webhook(
    payload: Mapping[str, Any],
    *,
    url: str,
    headers: Mapping[str, str] | None = None,
    headers_from_env: Mapping[str, str] | None = None,
    timeout: str = _TIMEOUT,  # noqa: ASYNC109 - it bounds the request, and is written in routes.yaml
) -> None:
    """POST the message as JSON to ``url``; any 2xx is success.

    ``headers_from_env`` maps a header to the environment variable with its value. ``timeout`` bounds the
    whole request including the response, of which at most 64 KiB are read, without decompression. A missing
    response, 408, 425, 429 and 5xx are retried: after ``Retry-After`` (at most a day), else by the route's
    policy. Any other response, including a redirect, is final: the message is dead-lettered. A receiver gets
    a message again if the response was lost, and can recognize it by the header ``X-Streamroute-Message``.
    Errors, logs and dead letters contain neither the address beyond its port nor any header's value.

    Source: https://www.rfc-editor.org/rfc/rfc9110#name-status-codes
    """
    httpx = _httpx()
    if not _is_address(url):
        raise SetupError("the address of the webhook is invalid")
    if problem := conflicting_authorization(url, headers or {}, headers_from_env or {}):
        raise SetupError(problem)
    origin = _origin(url)
    sent = headers_of(payload, headers or {}, headers_from_env or {})
    request = {"content": _body(payload), "headers": sent, "timeout": None}
    response: Any = None
    sending = _is_sending.set(True)
    try:
        async with asyncio.timeout(parse_duration(timeout)):
            async with _client(httpx).stream("POST", url, **request) as response:
                excerpt = await _body_excerpt(response)
    except Exception as error:
        if response is not None and response.is_success:
            return  # the receiver has the message; the rest of the response does not matter
        if isinstance(error, TimeoutError):
            raise Retry(reason=f"{origin} did not answer within {timeout}") from error
        raise _failure(httpx, origin, error) from None
    finally:
        _is_sending.reset(sending)
    _raise_for_status(response, f"{origin} answered {response.status_code}{excerpt}")


def _failure(httpx: Any, origin: str, error: Exception) -> Reject | Retry:
    """The outcome of a request without a response, as an error without secrets."""
    name = type_name(error)
    unfit = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError)
    if isinstance(error, unfit):
        return Reject(f"could not send the request to {origin}: {name}")  # a retry would fail, too
    # Network errors come from the operating system; protocol and proxy errors may quote anything.
    text = error_line(error, NAME) if isinstance(error, httpx.NetworkError) else name
    return Retry(reason=f"could not reach {origin}: {text}")


def _raise_for_status(response: Any, reason: str) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in _RETRYABLE or status >= 500:
        raise Retry(seconds_of(response.headers.get("retry-after")), reason)
    raise Reject(reason)


async def _body_excerpt(response: Any) -> str:
    """The start of an error response, undecoded; a long response is not read to its end."""
    beginning, length = b"", 0
    async for part in response.aiter_raw():
        beginning, length = beginning + part[: _MAX_SHOWN - len(beginning)], length + len(part)
        if length > _MAX_READ:
            break
    return f": {short_repr(beginning)[1:]}" if beginning and not response.is_success else ""


def _body(payload: Mapping[str, Any]) -> bytes:
    try:
        return write_json(payload)
    except (TypeError, ValueError) as error:
        raise Reject(f"could not encode the message as JSON: {safe_str(error)}") from error


def _origin(url: str) -> str:
    """The address without path and query, which often serve as a webhook's password."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"


# Connections: one pool for each event loop, shared by all routes.


def _httpx() -> Any:
    try:
        return import_extra("httpx")
    except ImportError as error:
        raise SetupError("webhooks need httpx: pip install 'streamroute[webhook]'") from error


class _DropWebhookRecords(logging.Filter):
    """Drops the client's log records about webhooks: they contain addresses and headers."""

    def filter(self, _record: logging.LogRecord) -> bool:
        return not _is_sending.get()


_drop_webhook_records: Final = _DropWebhookRecords()


def _client(httpx: Any) -> Any:
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_drop_webhook_records)  # idempotent
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        # No limit in the pool: the streams' concurrency bounds the number of requests.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        from http.cookiejar import CookieJar, DefaultCookiePolicy  # slow to import

        # Keep no cookies: the client is shared, and one receiver would set headers for all routes.
        cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        _clients[loop] = httpx.AsyncClient(limits=limits, cookies=cookies)
    return _clients[loop]


@asynccontextmanager
async def webhook_connections() -> AsyncIterator[None]:
    """Close the connections of the running event loop at the end of the last such block in the loop."""
    loop = asyncio.get_running_loop()
    _users[loop] = _users.get(loop, 0) + 1
    try:
        yield
    finally:
        _users[loop] -= 1
        if not _users[loop]:
            await close_webhooks()


async def close_webhooks() -> None:
    """Close the connections of the running event loop; a later webhook opens new ones."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()
