"""Generation follower: a worker's end of the socket, which replaces its generation when it is told to."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from streamroute.errors import StreamrouteError
from streamroute.logs.exception_text import error_line
from streamroute.ops.workers.generations.messages import (
    MAX_LINE,
    Answer,
    Order,
    ProtocolError,
    SwapStep,
    read_order,
    send,
)
from streamroute.system.record_format import RecordFormatError, unpack_record

if TYPE_CHECKING:
    import socket

    from streamroute.ops.workers.generations.start_answer import StartAnswer
    from streamroute.system.file_record import FileRecord

log = logging.getLogger(__name__)

Prepared = TypeVar("Prepared")


class GenerationSwap(Protocol[Prepared]):
    """What replaces the generation of this process, in two phases."""

    async def prepare(self, record: FileRecord) -> Prepared:
        """Build the generation of these files beside the running one.

        Raises StreamrouteError if it cannot run; then, and after a cancellation, nothing of it is left.
        """
        ...

    def generation_of(self, prepared: Prepared) -> str:
        """Return the hash of a prepared generation."""
        ...

    def commit(self, prepared: Prepared) -> None:
        """Run what was prepared; cannot fail, and waits for nothing."""
        ...

    async def discard(self, prepared: Prepared) -> None:
        """Close what was prepared and will not run."""
        ...


class GenerationFollower(Generic[Prepared]):
    """Follows the orders of the supervisor until it closes the socket.

    ``started`` is sent first, to a supervisor that waits for it.
    """

    def __init__(
        self, end: socket.socket, swap: GenerationSwap[Prepared], started: StartAnswer | None = None
    ) -> None:
        self._end = end
        self._swap = swap
        self._started = started
        self._preparing: asyncio.Task[Prepared] | None = None

    async def run(self) -> None:
        """Follow orders until the end, or a cancellation; then nothing that is only prepared is left."""
        reader, writer = await asyncio.open_unix_connection(sock=self._end, limit=MAX_LINE)
        answering: set[asyncio.Task[None]] = set()
        if self._started is not None:
            writer.write(self._started.to_bytes())
        try:
            while (order := await read_order(reader)) is not None:
                if order.step is SwapStep.PREPARE:
                    await self._drop()
                    self._preparing = asyncio.create_task(self._prepared(order))
                    task = asyncio.create_task(self._answer_prepared(order, self._preparing, writer))
                    answering.add(task)
                    task.add_done_callback(answering.discard)
                elif order.step is SwapStep.COMMIT:
                    send(writer, self._commit(order))
                else:
                    await self._drop()
        except ProtocolError as error:
            log.error("the supervisor sent something else than an order: %s", error)
        finally:
            await self._drop()
            await asyncio.gather(*answering)
            writer.close()

    async def _prepared(self, order: Order) -> Prepared:
        return await self._swap.prepare(unpack_record(order.record))

    async def _answer_prepared(
        self, order: Order, preparing: asyncio.Task[Prepared], writer: asyncio.StreamWriter
    ) -> None:
        await asyncio.wait([preparing])
        send(writer, self._answer(order, preparing))

    def _answer(self, order: Order, preparing: asyncio.Task[Prepared]) -> Answer:
        if preparing.cancelled():
            return Answer(order.number, refusal="it was discarded")
        error = preparing.exception()
        if error is None:
            return Answer(order.number, self._swap.generation_of(preparing.result()))
        if not isinstance(error, StreamrouteError | RecordFormatError):
            log.error("preparing a generation failed", exc_info=error)
        expected = isinstance(error, StreamrouteError | RecordFormatError)
        return Answer(order.number, refusal=str(error) if expected else error_line(error))

    def _commit(self, order: Order) -> Answer:
        task, self._preparing = self._preparing, None
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            self._preparing = task
            return Answer(order.number, refusal="nothing is prepared")
        prepared = task.result()
        self._swap.commit(prepared)
        return Answer(order.number, self._swap.generation_of(prepared))

    async def _drop(self) -> None:
        """Stop preparing, or close what is prepared."""
        task, self._preparing = self._preparing, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and task.exception() is None:
            await self._swap.discard(task.result())
