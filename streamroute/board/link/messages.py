"""The messages of the link: a line of JSON, and the bytes whose number it states."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from streamroute.board.service import FinishedReload
from streamroute.ops.reload.result import ReloadResult
from streamroute.system.file_record import FileRecord
from streamroute.system.record_format import (
    MAX_CONTENT,
    MAX_INDEX,
    RecordFormatError,
    pack_record,
    unpack_record,
)

MAX_LINE: Final = 1_000_000
"""Bytes of a line."""

LinkMessage = FileRecord | FinishedReload
"""The files of the configuration that the router runs from now on, or the result of a reload."""


class LinkError(ValueError):
    """Raised for bytes that are no message of the link."""


def pack_message(message: LinkMessage) -> bytes:
    """Return a message as bytes."""
    if isinstance(message, FileRecord):
        packed = pack_record(message)
        return _line({"kind": "config", "size": len(packed)}) + packed
    packed = json.dumps(message.result.as_dict()).encode()
    return _line({"kind": "reload", "size": len(packed), "at": message.at}) + packed


async def read_message(reader: asyncio.StreamReader) -> LinkMessage | None:
    """Return the next message; None at the end, which is that of the router.

    Raises LinkError for anything else.
    """
    try:
        line = await reader.readline()
        if not line:
            return None
        head = json.loads(line)
        return _message(head, await reader.readexactly(_size(head)))
    except asyncio.IncompleteReadError:
        return None  # the router was killed while it wrote
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LinkError("the router sent no message of the link") from error


def _message(head: Any, packed: bytes) -> LinkMessage:
    match head["kind"]:
        case "config":
            return unpack_record(packed)
        case "reload":
            return FinishedReload(ReloadResult.from_dict(json.loads(packed)), int(head["at"]))
        case kind:
            raise RecordFormatError(f"unknown kind {kind!r}")


def _size(head: Any) -> int:
    size = head["size"]
    if type(size) is not int or not 0 <= size <= MAX_INDEX + MAX_CONTENT:
        raise RecordFormatError("its size is out of range")
    return size


def _line(head: dict[str, Any]) -> bytes:
    return json.dumps(head).encode() + b"\n"
