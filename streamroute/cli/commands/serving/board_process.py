"""``serve --http``: the board in a process of its own, which the router starts, informs and restarts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamroute.board.http.listening import listen
from streamroute.board.link.messages import LinkMessage, pack_message
from streamroute.board.service import FinishedReload
from streamroute.ops.metrics.server import Endpoint
from streamroute.ops.serve.background import in_background
from streamroute.ops.workers.restart_pause import CrashPauses

if TYPE_CHECKING:
    import socket

    from streamroute.cli.commands.serving.reloading import Reloads
    from streamroute.ops.reload.candidate import Candidate
    from streamroute.ops.reload.result import ReloadResult
    from streamroute.system.file_record import FileRecord

log = logging.getLogger(__name__)

_PATIENCE: Final = 5.0  # seconds for the board to exit
_MAX_UNREAD: Final = 64 * 1024 * 1024  # bytes; a board that reads nothing is killed

CommandLine = Callable[[int, int], Sequence[str]]
"""Returns the command line of a board, by the descriptor of its socket and the port of the metrics."""


@dataclass(frozen=True, slots=True)
class BoardStart:
    """How a board is started: its address, its command line, and the files that it shows first."""

    http: Endpoint
    prefix: str
    command: CommandLine
    record: FileRecord


@asynccontextmanager
async def board_process(
    start: BoardStart | None, metrics: Endpoint | None, reloads: Reloads | None
) -> AsyncIterator[None]:
    """Run the board inside the block, unless ``start`` is None.

    Its socket is opened here, so that an address in use stops the start, and a restart loses no connection.
    Raises SetupError if the address cannot be bound.
    """
    if start is None or metrics is None:
        yield
        return
    with listen(start.http) as listener:
        board = _BoardProcess(listener, start.command(listener.fileno(), metrics.port), start.record)
        if reloads is not None:
            reloads.on_applied, reloads.on_finished = board.applied, board.finished
        at = Endpoint(start.http.host, int(listener.getsockname()[1]))
        log.info("the board is at http://%s%s/", at, start.prefix)
        async with in_background(board.run()):
            yield


class _BoardProcess:
    """A board that is started again when it dies; the router goes on without it."""

    def __init__(self, listener: socket.socket, command: Sequence[str], record: FileRecord) -> None:
        self._listener = listener
        self._command = command
        self._record = record
        self._process: asyncio.subprocess.Process | None = None
        self._pauses = CrashPauses()

    def applied(self, candidate: Candidate) -> None:
        """Tell the board that another configuration runs."""
        self._record = candidate.record
        self._send(candidate.record)

    def finished(self, result: ReloadResult) -> None:
        """Tell the board that a reload has ended."""
        self._send(FinishedReload(result, int(time.time() * 1000)))

    async def run(self) -> None:
        """Run boards, one after the other, until cancelled."""
        while True:
            started = time.monotonic()
            code = await self._run_one()
            pause = self._pauses.after_crash(time.monotonic() - started, at_work=True)
            log.warning("the board exited (code %s); it starts again in %.1f s", code, pause)
            await asyncio.sleep(pause)

    async def _run_one(self) -> int | str:
        """Return the exit code of a board, or why it could not be started."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, pass_fds=[self._listener.fileno()]
            )
        except OSError as error:
            return error.strerror or str(error)
        self._process = process
        self._send(self._record)
        try:
            return await process.wait()
        finally:
            self._process = None
            await _end(process)

    def _send(self, message: LinkMessage) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return  # the next board is told the configuration at its start
        process.stdin.write(pack_message(message))
        if process.stdin.transport.get_write_buffer_size() > _MAX_UNREAD:
            process.kill()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a board, if it still runs: the end of its input asks it to exit."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_PATIENCE):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
