"""The names of consumers in their groups."""

from __future__ import annotations

import os
import secrets
import socket


def consumer_name() -> str:
    """Return a name unique to this process start: host, process id and a random part."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
