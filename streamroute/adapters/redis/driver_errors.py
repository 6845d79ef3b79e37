"""Errors of redis-py without addresses and user names: variables may have given them, and errors are logged.

Messages show the address as the configuration has it instead.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from streamroute.text.safe_text import safe_str, type_name

if TYPE_CHECKING:
    from redis.asyncio.connection import AbstractConnection

K = TypeVar("K", bound="AbstractConnection")

_ARGUMENTS: Final = re.compile(r", with args beginning with:.*", re.DOTALL)
"""The end of a server's error for an unknown command: the argument of AUTH is a password."""
_NAMED: Final = re.compile(r" for '.*'", re.DOTALL)
"""The host name in a certificate error."""
_ADDRESS: Final = re.compile(r" \('[^()]*\)")
"""What asyncio reports of each address that it tried."""
_USER: Final = re.compile(r"\b(?i:user) .{1,1000}?(?= has no permissions)", re.DOTALL)


def hide_address(kind: type[K]) -> type[K]:
    """Return a class of connections whose errors do not contain the address."""
    if _AddressHidden in kind.__mro__:
        return kind
    return cast("type[K]", type(kind.__name__, (_AddressHidden, kind), {}))


class _AddressHidden:
    """Overrides the methods with which redis-py builds error messages."""

    def _host_error(self) -> str:
        return "the server"

    def _error_message(self, exception: BaseException) -> str:
        return f"cannot connect to the server: {network_error_text(exception)}"


def network_error_text(error: BaseException) -> str:
    """The text of a network error on one line, without its address."""
    number: Any = getattr(error, "errno", None)
    if isinstance(error, ssl.SSLError):
        said = _NAMED.sub("", safe_str(error))
    elif isinstance(error, socket.gaierror):
        said = safe_str(error.strerror)
    elif type(number) is int:
        said = os.strerror(number)
    else:
        said = _ADDRESS.sub("", safe_str(error))
    return " ".join(said.split()) or type_name(error)


def redact_server_error(text: str) -> str:
    """The text of a server's error, without the words of a command and without a user name."""
    return _USER.sub("the user", _ARGUMENTS.sub("", text))
