"""The headers of a webhook's request: validated before they are sent, and never quoted in errors.

An HTTP client quotes values that it rejects, which may be passwords.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from streamroute.errors import SetupError
from streamroute.message import Message
from streamroute.message_trace import current_context
from streamroute.text.safe_text import safe_str

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_MAX_VALUE_LENGTH: Final = 8_000  # characters of a value; servers reject longer ones
_MAX_HEADERS: Final = 100
_CONNECTION_HEADERS: Final = frozenset(
    {"content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
)
_VISIBLE: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")


def _quoted(name: str) -> str:
    return f'"{safe_str(name, 60)}"'


# Sources: https://www.rfc-editor.org/rfc/rfc9110#name-field-names and #name-field-values


def name_problem(name: str) -> str | None:
    """Return why a header cannot have this name; None if it can."""
    if not _NAME.fullmatch(name):
        return f"invalid header name {_quoted(name)}"
    if name.lower() in _CONNECTION_HEADERS:
        return f"cannot set header {_quoted(name)}: it belongs to the connection"
    return None


def value_problem(value: str) -> str | None:
    """Return why a header cannot have this value, without quoting it; None if it can."""
    if len(value) > _MAX_VALUE_LENGTH:
        return f"it is longer than {_MAX_VALUE_LENGTH:,} characters"
    if value != value.strip(" \t\r\n"):
        return "it begins or ends with white space"
    if not value:
        return "it is empty"
    return None if _VALUE.fullmatch(value) else "it contains a character that is not printable ASCII"


def header_problems(stated: Mapping[str, str], from_env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the problems of the configured headers: the argument, and the reason."""
    for argument, names in (("headers", stated), ("headers_from_env", from_env)):
        if len(names) > _MAX_HEADERS:
            yield argument, f'"{argument}" has more than {_MAX_HEADERS} headers'
        for name in names:
            if problem := name_problem(name):
                yield argument, problem
    for name in _duplicates([*stated, *from_env]):
        argument = "headers_from_env" if name in from_env else "headers"
        yield argument, f"duplicate header {_quoted(name)}: names are case-insensitive"
    for name, value in stated.items():
        if problem := value_problem(value):
            yield "headers", f"invalid value of header {_quoted(name)}: {problem}"


def _duplicates(names: Iterable[str]) -> Iterator[str]:
    """Yield names that occurred before; header names are case-insensitive."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            yield name
        seen.add(name.lower())


def conflicting_authorization(url: str, *headers: Iterable[str]) -> str | None:
    """Return why the address and the headers conflict; None if they do not.

    The address is not quoted. A client replaces the header ``Authorization`` by one with the address's user
    name and password.
    """
    parts = urlsplit(url)
    if not (parts.username or parts.password):
        return None
    if all(name.lower() != "authorization" for names in headers for name in names):
        return None
    return 'duplicate header "Authorization": the user name and password in the URL set it, too'


def headers_of(
    payload: Mapping[str, Any], stated: Mapping[str, str], from_env: Mapping[str, str]
) -> dict[str, str]:
    """The headers of a request; the configuration's own replace the default ones.

    Raises SetupError for a header that cannot be sent, or whose environment variable is not set.
    """
    headers = {"Content-Type": "application/json", "User-Agent": "streamroute", "Accept-Encoding": "identity"}
    if isinstance(payload, Message) and payload.id:
        headers |= _trace_headers(payload)
        headers["X-Streamroute-Message"] = quote(f"{payload.stream}/{payload.id}", safe=_VISIBLE)
    for _, problem in header_problems(stated, from_env):
        raise SetupError(problem)
    configured = {**stated, **{name: _from_env(name, variable) for name, variable in from_env.items()}}
    merged = {name.lower(): (name, value) for name, value in {**headers, **configured}.items()}
    return dict(merged.values())


def _trace_headers(message: Message) -> Mapping[str, str]:
    """The trace context of a message: of its span, or of its producer, as a request is part of its trace."""
    context = current_context(message)
    return {} if context is None else context.as_fields()


def _from_env(name: str, variable: str) -> str:
    value = os.environ.get(variable)
    if value is None:
        raise SetupError(f'environment variable "{variable}" of header {_quoted(name)} is not set')
    if problem := value_problem(value):
        raise SetupError(
            f'invalid value of header {_quoted(name)} from environment variable "{variable}": {problem}'
        )
    return value
