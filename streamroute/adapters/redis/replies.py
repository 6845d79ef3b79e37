"""Parses replies of the server, in RESP2 and RESP3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Row = tuple[bytes, Any]
"""An entry of a stream: its id and its fields, as sent."""


def rows_by_stream(reply: Any) -> Iterator[tuple[str, list[Row]]]:
    """Parse the reply of XREADGROUP: a list of pairs in RESP2, a map in RESP3, nothing after a timeout."""
    if not reply:
        return
    pairs = reply.items() if isinstance(reply, Mapping) else reply
    for name, rows in pairs:
        yield text(name), rows


def attributes(reply: Any) -> dict[str, Any]:
    """Parse a reply of names and values: a flat list in RESP2, a map in RESP3."""
    if isinstance(reply, Mapping):
        return {text(name): value for name, value in reply.items()}
    parts = iter(reply)
    return {text(name): value for name, value in zip(parts, parts, strict=True)}


def milliseconds(reply: Any) -> int:
    """Convert the reply of TIME to ms."""
    seconds, microseconds = reply
    return int(seconds) * 1000 + int(microseconds) // 1000


def text(value: Any) -> str:
    """Convert a name or an id to a string; invalid bytes are replaced."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
