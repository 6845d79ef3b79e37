"""Removes addresses and user names from redis-py's errors: they may come from variables, and are logged.

Messages show the address as in the configuration instead.
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
"""The end of the server's "unknown command" error: the arguments of AUTH are a password."""
_NAMED: Final = re.compile(r" for '.*'", re.DOTALL)
"""The host name in a certificate error."""
_ADDRESS: Final = re.compile(r" \('[^()]*\)")
"""The part of asyncio's errors that shows an address."""
_USER: Final = re.compile(r"\b(?i:user) .{1,1000}?(?= has no permissions)", re.DOTALL)


def hide_address(connection_class: type[K]) -> type[K]:
    """Return a class of connections whose errors do not contain the address."""
    if _AddressHidden in connection_class.__mro__:
        return connection_class
    return cast("type[K]", type(connection_class.__name__, (_AddressHidden, connection_class), {}))


class _AddressHidden:
    """Overrides the methods with which redis-py builds error messages."""

    def _host_error(self) -> str:
        return "the server"

    def _error_message(self, exception: BaseException) -> str:
        return f"cannot connect to the server: {network_error_text(exception)}"


def network_error_text(error: BaseException) -> str:
    """Return the text of a network error on one line, without its address."""
    number: Any = getattr(error, "errno", None)
    if isinstance(error, ssl.SSLError):
        message = _NAMED.sub("", safe_str(error))
    elif isinstance(error, socket.gaierror):
        message = safe_str(error.strerror)
    elif type(number) is int:
        message = os.strerror(number)
    else:
        message = _ADDRESS.sub("", safe_str(error))
    return " ".join(message.split()) or type_name(error)


def redact_server_error(text: str) -> str:
    """Return the text of a server's error, without a command's arguments and without a user name."""
    return _USER.sub("the user", _ARGUMENTS.sub("", text))
