"""``streamroute.handlers.webhook``: a message as an HTTP request."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from streamroute.adapters.jsontext import shown, write_json
from streamroute.errors import Reject, Retry, SetupError
from streamroute.exception_text import error_line
from streamroute.extras import import_extra, is_installed
from streamroute.handlers.contract import Complaint, built_in
from streamroute.message import Message
from streamroute.policies import parse_duration
from streamroute.safe_text import safe_str

_TIMEOUT: Final = "10s"
_LONGEST_WAIT: Final = 86_400.0  # seconds that a receiver may ask for
_READ: Final = 65_536  # bytes of an answer
_AGAIN: Final = frozenset({408, 425, 429})
"""Client errors that pass: a timeout, too early, too many requests."""

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()


def _check(arguments: Mapping[str, Any], _streams: Sequence[str]) -> Iterator[Complaint]:
    if not is_installed("httpx"):
        yield Complaint(None, "webhooks need httpx", "pip install 'streamroute[webhook]'")
    if "url" in arguments and not _is_address(arguments["url"]):
        yield Complaint("url", '"url" must be an address such as https://example.com/hooks')
    for key in ("headers", "headers_from_env"):
        if not _are_strings(arguments.get(key) or {}):
            yield Complaint(key, f'"{key}" must map names to strings')
    try:
        parse_duration(arguments.get("timeout", _TIMEOUT))
    except (TypeError, ValueError):
        yield Complaint("timeout", '"timeout" must be a duration such as 10s')


def _is_address(value: Any) -> bool:
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
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

    ``headers_from_env`` maps a header to the environment variable that holds its value. ``timeout`` bounds
    the whole request. No answer, 408, 425, 429 and 5xx are retried: after what ``Retry-After`` says (a
    day at most), else under the route's policy. Every other answer, redirects included, is final: the
    message goes to the dead letters. A receiver sees a message again where the answer was lost; the header
    ``X-Streamroute-Message`` tells.

    Sources: https://www.rfc-editor.org/rfc/rfc9110#name-status-codes and #name-retry-after
    """
    httpx = _httpx()
    where = _where(url)
    sent = _headers(payload, headers or {}, headers_from_env or {})
    request = {"content": _body(payload), "headers": sent, "timeout": None}
    try:
        async with asyncio.timeout(parse_duration(timeout)):
            async with _client(httpx).stream("POST", url, **request) as response:
                said = await _beginning(response)
    except TimeoutError as error:
        raise Retry(reason=f"{where} did not answer within {timeout}") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Reject(f"the address of the webhook cannot be used: {type(error).__name__}") from error
    except httpx.TransportError as error:
        raise Retry(reason=f"{where} cannot be reached: {error_line(error)}") from error
    _judge(response, f"{where} answered {response.status_code}{said}")


def _judge(response: Any, said: str) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in _AGAIN or status >= 500:
        raise Retry(_wait(response.headers.get("retry-after")), said)
    raise Reject(said)


def _wait(retry_after: str | None) -> float | None:
    """Seconds that the receiver asks to be left alone for, or None where it does not say."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return min(float(retry_after), _LONGEST_WAIT)
    try:
        due = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    left = (due.replace(tzinfo=due.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(left, 0.0), _LONGEST_WAIT)


async def _beginning(response: Any) -> str:
    """The start of an answer that is no success; a long one is not read to its end."""
    read = b""
    async for part in response.aiter_bytes():
        read += part
        if len(read) > _READ:
            break
    return f": {shown(read[:200])[1:]}" if read and not response.is_success else ""


def _headers(
    payload: Mapping[str, Any], stated: Mapping[str, str], from_env: Mapping[str, str]
) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "streamroute"}
    if isinstance(payload, Message) and payload.id:
        headers["X-Streamroute-Message"] = f"{payload.stream}/{payload.id}"
    missing = [name for name in from_env.values() if name not in os.environ]
    if missing:
        raise SetupError(f"the environment variable {missing[0]}, which holds a header, is not set")
    return {**headers, **stated, **{header: os.environ[name] for header, name in from_env.items()}}


def _body(payload: Mapping[str, Any]) -> bytes:
    try:
        return write_json(payload)
    except (TypeError, ValueError) as error:
        raise Reject(f"the message cannot be written as JSON: {safe_str(error)}") from error


def _where(url: str) -> str:
    """The address as it may be shown: paths and queries of webhooks are often their passwords."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"


# Connections: one pool for each event loop, shared by all routes.


def _httpx() -> Any:
    try:
        return import_extra("httpx")
    except ImportError as error:
        raise SetupError("webhooks need httpx: pip install 'streamroute[webhook]'") from error


def _client(httpx: Any) -> Any:
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        # The slots of the streams bound how many requests run at once; the pool need not.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        _clients[loop] = httpx.AsyncClient(limits=limits)
    return _clients[loop]


async def close_webhooks() -> None:
    """Close the connections of the running event loop; a later webhook opens them anew."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()
