"""The names of parked messages: their order is that in which they return to their route.

A name is the paused route, then the position of the message in its stream, then the name of the retry. So the
messages of one route are together in the sorted set, in the order of the stream.
"""

from __future__ import annotations

import re
from typing import Final

_ID: Final = re.compile(r"([0-9]{1,20})-([0-9]{1,20})", re.ASCII)
_POSITION: Final = 41
"""Length of a position: two numbers of 20 digits, and a hyphen."""


def parked_name(route: str, entry_id: str, retry: str) -> str:
    """Return the name under which a retry waits for the end of a pause of ``route``."""
    return f"{queue_name(route)}|{_position(entry_id)}|{retry}"


def retry_of_parked(name: str) -> str:
    """Return the name of the retry in the name of a parked message; empty for another name."""
    return "".join(name.split("|", 2)[2:])


def queue_name(route: str) -> str:
    """Return the beginning of the names that belong to a route: no other route's names begin so."""
    return route.replace("%", "%25").replace("|", "%7C")


def route_of_queue(queue: str) -> str:
    """Return the route whose names begin with ``queue``."""
    return queue.replace("%7C", "|").replace("%25", "%")


def _position(entry_id: str) -> str:
    found = _ID.fullmatch(entry_id)
    if found is None:
        # An external scheduler may name any id: such messages come last, in the order of the names.
        return entry_id.encode("ascii", "replace").decode()[: _POSITION - 1].rjust(_POSITION, "~")
    return f"{int(found[1]):020}-{int(found[2]):020}"
