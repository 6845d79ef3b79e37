"""Serve the board over HTTP until its task is cancelled."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from streamroute.board.http.bounded_protocol import ConnectionLimits, bounded_protocol
from streamroute.ops.metrics.server import Endpoint

_MAX_HEAD_BYTES: Final = 16_384
_KEEP_ALIVE: Final = 5  # seconds
_LAST_PATIENCE: Final = 2  # seconds for open responses at the end


@asynccontextmanager
async def serving(
    app: ASGIApp, listener: socket.socket, *, limits: ConnectionLimits | None = None
) -> AsyncIterator[Endpoint]:
    """Serve an application inside the block; yields the actual address."""
    limits = limits or ConnectionLimits()
    config = uvicorn.Config(
        app,
        http=bounded_protocol(limits),
        ws="none",
        lifespan="off",
        loop="none",
        access_log=False,  # a URL may contain a token
        log_config=None,
        log_level="critical",  # invalid requests are not worth a line each
        proxy_headers=False,  # the gate decides which proxy is trusted
        server_header=False,
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_LAST_PATIENCE,
    )
    server = _QuietServer(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        host, port = listener.getsockname()[:2]
        yield Endpoint(str(host), int(port))
    finally:
        server.should_exit = True
        await asyncio.wait([task])


class _QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signal handlers alone: the command has its own."""
        yield
