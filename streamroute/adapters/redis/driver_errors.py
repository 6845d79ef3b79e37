"""Errors of redis-py without addresses and names: a variable may have given them, and errors are logged.

Where the server is, and as whom it was asked, is said beside them as it stands in the configuration.
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
"""How a server ends its refusal of a command that it does not know: AUTH's argument is a password."""
_NAMED: Final = re.compile(r" for '.*'", re.DOTALL)
"""The name that a certificate is not for."""
_ADDRESS: Final = re.compile(r" \('[^()]*\)")
"""What asyncio says of each address that it has tried."""
_USER: Final = re.compile(r"\b(?i:user) .{1,1000}?(?= has no permissions)", re.DOTALL)


def hide_address(kind: type[K]) -> type[K]:
    """A class of connections whose errors do not say where the server is."""
    if _AddressHidden in kind.__mro__:
        return kind
    return cast("type[K]", type(kind.__name__, (_AddressHidden, kind), {}))


class _AddressHidden:
    """What redis-py asks a connection for when it words an error."""

    def _host_error(self) -> str:
        return "the server"

    def _error_message(self, exception: BaseException) -> str:
        return f"cannot connect to the server: {network_error_text(exception)}"


def network_error_text(error: BaseException) -> str:
    """What an error of the network says on one line, without the address that it is about."""
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
    """What a server said, without the words of a command and without the name of a user."""
    return _USER.sub("the user", _ARGUMENTS.sub("", text))
