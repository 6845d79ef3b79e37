"""Worker channel: the supervisor's end of a socket, over which a worker is told to replace its generation."""

from __future__ import annotations

import asyncio
import itertools
import socket
from contextlib import suppress

from streamroute.errors import StreamrouteError
from streamroute.ops.workers.generations.messages import (
    MAX_ANSWER,
    Answer,
    Order,
    ProtocolError,
    SwapStep,
    read_answer,
    send,
)
from streamroute.ops.workers.generations.start_answer import StartAnswer, read_start_answer


class WorkerRefusedError(StreamrouteError):
    """Raised when a worker cannot replace its generation, or has ended: the text is why."""


class WorkerEndedError(WorkerRefusedError):
    """Raised when a worker has ended, which says nothing about the generation that it was to run."""


class WorkerChannel:
    """One worker's orders, answered in order; ``number`` identifies the worker in messages.

    ``worker_end`` is for the worker, which inherits its descriptor; close it here once the worker has
    started: the end of the worker is seen only when nothing else holds it.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._own_end, self.worker_end = socket.socketpair()
        self._orders = itertools.count(1)
        self._reading = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def begin(self, record: bytes) -> None:
        """Send the packed files of the generation that the worker starts with; see ``read_start``."""
        await self._write(Order(0, SwapStep.PREPARE, record))

    async def started(self) -> StartAnswer:
        """Wait until the worker says how its start went; only a worker that was told to answers.

        Call it after ``begin`` and before the worker gets an order, which then waits for it. Raises
        WorkerRefusedError if the worker ends, or answers something else.
        """
        async with self._reading:
            reader, _ = await self._open()
            try:
                answer = await read_start_answer(reader)
            except ProtocolError as error:
                raise WorkerRefusedError(f"worker {self.number} did not start: {error}") from None
        if answer is None:
            raise self._gone()
        return answer

    async def prepare(self, record: bytes) -> str:
        """Have the worker build a generation from its packed files; return its hash.

        Raises WorkerRefusedError. After that, or a cancellation, call ``discard``.
        """
        return await self._ask(SwapStep.PREPARE, record)

    async def commit(self) -> str:
        """Have the worker run what it has prepared; return its hash. Raises WorkerRefusedError."""
        return await self._ask(SwapStep.COMMIT)

    async def discard(self) -> None:
        """Have the worker close what it has prepared; does not wait for it."""
        await self._write(Order(next(self._orders), SwapStep.DISCARD))

    async def close(self) -> None:
        """Close both ends."""
        self.worker_end.close()
        if self._streams is None:
            self._own_end.close()
            return
        _, writer = self._streams
        writer.transport.abort()  # a frozen worker reads nothing more
        with suppress(OSError):
            await writer.wait_closed()

    async def _ask(self, step: SwapStep, record: bytes = b"") -> str:
        number = next(self._orders)
        if self._is_full():
            raise WorkerRefusedError(f"worker {self.number} has not read the order before")
        reader = await self._write(Order(number, step, record))
        async with self._reading:
            while (answer := await self._answer(reader)).number != number:
                continue  # the late answer to an order that nobody waits for any more
        if answer.refusal:
            raise WorkerRefusedError(f"worker {self.number}: {answer.refusal}")
        return answer.generation

    def _is_full(self) -> bool:
        """Whether an order is still unread: a frozen worker must not pile up records here."""
        return self._streams is not None and self._streams[1].transport.get_write_buffer_size() > 0

    async def _write(self, order: Order) -> asyncio.StreamReader:
        """Write an order to the buffer; return the reader of answers, which ends if the worker is gone."""
        reader, writer = await self._open()
        send(writer, order)
        return reader

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_unix_connection(sock=self._own_end, limit=MAX_ANSWER)
        return self._streams

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        try:
            answer = await read_answer(reader)
        except ProtocolError as error:
            raise WorkerRefusedError(f"worker {self.number} did not answer: {error}") from None
        if answer is None:
            raise self._gone()
        return answer

    def _gone(self) -> WorkerEndedError:
        return WorkerEndedError(f"worker {self.number} has ended")
