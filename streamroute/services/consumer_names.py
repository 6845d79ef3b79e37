"""The names of consumers in their groups."""

from __future__ import annotations

import itertools
import os
import secrets
import socket
from collections.abc import Collection


def consumer_name() -> str:
    """Return a name unique to this process start: host, process id and a random part."""
    return f"{names_of_process(os.getpid())}{secrets.token_hex(4)}"


def names_of_process(pid: int) -> str:
    """Return what the names of all consumers of a process of this machine start with."""
    return f"{socket.gethostname()}-{pid}-"


def unused_name(name: str, used: Collection[str]) -> str:
    """Return the name, or with the first suffix that makes it unused: ``name-2``.

    Idle streams share a read if their consumers have equal names, so there should be few names.
    """
    suffixed = (name if number == 1 else f"{name}-{number}" for number in itertools.count(1))
    return next(candidate for candidate in suffixed if candidate not in used)
