"""The board's end of the link: follow the configuration of the router on standard input."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from typing import Final

from streamroute.board.link.messages import MAX_LINE, LinkError, read_message
from streamroute.board.service import BoardService, FinishedReload, ShownConfig
from streamroute.compiler.pipeline import check_path
from streamroute.system.file_record import FileRecord
from streamroute.system.recording import RecordedFiles

log = logging.getLogger(__name__)

_NICENESS: Final = 10


def be_nice() -> None:
    """Leave the processor to the router wherever both want it."""
    os.nice(_NICENESS)


async def open_link() -> asyncio.StreamReader:
    """Return the reader of standard input."""
    reader = asyncio.StreamReader(limit=MAX_LINE)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin.buffer)
    return reader


async def read_first_config(reader: asyncio.StreamReader) -> FileRecord | None:
    """Return the configuration with which the router started; None if the router has ended."""
    message = await read_message(reader)
    if isinstance(message, FinishedReload):
        raise LinkError("the first message is no configuration")
    return message


async def follow_router(
    reader: asyncio.StreamReader, service: BoardService, stop: Callable[[], None]
) -> None:
    """Show what the router runs until it ends, then call ``stop``."""
    try:
        while (message := await read_message(reader)) is not None:
            if isinstance(message, FinishedReload):
                service.reloads.append(message)
            else:
                await _show(service, message)
    except LinkError as error:
        log.error("the board cannot follow its router, and exits: %s", error)
    finally:
        stop()


async def _show(service: BoardService, record: FileRecord) -> None:
    """Show another configuration; in a thread, since ten thousand routes take seconds."""
    config = await asyncio.to_thread(shown_config, record)
    if config is None:  # the router runs it: its variables or files differ here
        log.error("the board cannot read the configuration that the router runs, and shows the one before")
    else:
        service.config = config


def shown_config(record: FileRecord) -> ShownConfig | None:
    """Return the configuration of these files; None if it cannot be compiled. Runs no user code."""
    result = check_path(record.path, imports=False, files=RecordedFiles(record))
    if result.document is None or result.compiled is None:
        return None
    return ShownConfig(result.document, result.compiled, result.findings)
