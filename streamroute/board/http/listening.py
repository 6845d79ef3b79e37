"""The socket of the board; opened by processes that do not have the extra ``board``, too."""

from __future__ import annotations

import socket
from typing import Final

from streamroute.errors import SetupError
from streamroute.ops.metrics.server import Endpoint

_BACKLOG: Final = 128


def listen(endpoint: Endpoint) -> socket.socket:
    """Return a listening socket; raises SetupError if the address cannot be bound."""
    try:
        family, *_, address = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SetupError(f"--http cannot listen on {endpoint}: {reason.lower()}") from error
