"""The server of the control socket: answers one request of each client of the same user."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from streamroute.errors import StreamrouteError
from streamroute.logs.exception_text import error_line
from streamroute.ops.reload.control.messages import (
    MAX_REQUEST,
    BadMessageError,
    ControlAnswer,
    ControlRequest,
)
from streamroute.ops.reload.control.socket_files import bind_control_socket

log = logging.getLogger(__name__)

Answer = Callable[[ControlRequest], Awaitable[ControlAnswer]]
"""Answers a request; may raise any exception, which the client is told."""

_MAX_CLIENTS: Final = 8
_PATIENCE: Final = 5.0  # seconds to send a request, and to read an answer
_CREDENTIALS: Final = struct.Struct("3i")  # process, user, group


@asynccontextmanager
async def control_socket(
    state_folder: Path, answer: Answer, *, patience: float = _PATIENCE
) -> AsyncIterator[Path | None]:
    """Answer requests inside the block, on a socket that is found by the state folder; yields its path.

    If no socket can be created, that is one warning, and the block runs without it. Requests that are not
    answered at the end of the block are cancelled.
    """
    try:
        bound, path = bind_control_socket(state_folder)
    except OSError as error:
        log.warning("streamroute reload cannot reach this process: %s", error.strerror)
        yield None
        return
    clients = _Clients(answer, patience)
    try:
        server = await asyncio.start_unix_server(clients.serve, sock=bound, limit=MAX_REQUEST)
        try:
            yield path
        finally:
            server.close()
            await clients.close()
            await server.wait_closed()
    finally:
        bound.close()
        with suppress(OSError):
            path.unlink()


class _Clients:
    def __init__(self, answer: Answer, patience: float) -> None:
        self._answer = answer
        self._patience = patience
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client. Never raises; cancelled by ``close``."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._tasks.add(task)
        try:
            answer = await self._answer_to(reader, writer)
            writer.write(answer.encode())
            async with asyncio.timeout(self._patience):
                await writer.drain()
        except (OSError, TimeoutError, asyncio.CancelledError):
            writer.transport.abort()  # the client has gone, does not read, or this process stops
        finally:
            self._tasks.discard(task)
            writer.close()

    async def close(self) -> None:
        """Cancel what is not answered yet, and wait for it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _answer_to(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> ControlAnswer:
        if not _is_same_user(writer.get_extra_info("socket")):
            return _failure("this process belongs to another user")
        if len(self._tasks) > _MAX_CLIENTS:
            return _failure("too many reloads wait already; try again later")
        try:
            return await self._answer(await self._request_of(reader))
        except (StreamrouteError, BadMessageError) as error:
            return _failure(str(error))
        except Exception as error:
            log.debug("could not answer a request", exc_info=True)
            return _failure(error_line(error))

    async def _request_of(self, reader: asyncio.StreamReader) -> ControlRequest:
        try:
            async with asyncio.timeout(self._patience):
                line = await reader.readline()
        except TimeoutError:
            raise BadMessageError("the request did not come in time") from None
        except ValueError:
            raise BadMessageError("the request is too long") from None
        return ControlRequest.decode(line)


def _failure(reason: str) -> ControlAnswer:
    return ControlAnswer(os.getpid(), error=reason)


def _is_same_user(connection: socket.socket) -> bool:
    return peer_user(connection) in {None, 0, os.geteuid()}


def peer_user(connection: socket.socket) -> int | None:
    """Return the client's user; None if the system does not tell: then the private folder protects."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(credentials)[1]
    return user
