"""Acknowledgements: streams that settle in one step of the event loop share a script and a round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from redis.asyncio import ConnectionPool, Redis

from streamroute.adapters.redis.cluster.client import SlotClient
from streamroute.adapters.redis.scripts import Call, script

MAX_IDS: Final = 500
"""Ids in one script: an ack keeps the server from all else for about 1 µs an id."""

_FIXSTR: Final = (
    0xA0  # MessagePack: a string of less than 32 bytes is its length, added to this, and the bytes
)
_STR8: Final = "\xd9"  # a longer one is this, its length and the bytes


class Ack(NamedTuple):
    """Entries of one stream, at most ``MAX_IDS``, that a consumer has finished.

    ``deadline``
        Redis time in ms until which no other consumer can have claimed any of them.
    ``mode``
        ``drop`` or ``keep``.
    ``deliveries``
        the delivery count of each; empty if all are on their first.
    """

    key: str
    group: str
    consumer: str
    deadline: int
    mode: str
    ids: Sequence[str]
    deliveries: Sequence[int] = ()

    @property
    def arguments(self) -> tuple[str | bytes | int, ...]:
        """The script's arguments for this stream."""
        counts = " ".join(map(str, self.deliveries))
        return self.group, self.consumer, self.deadline, self.mode, pack_ids(self.ids), counts


def pack_ids(ids: Iterable[str]) -> bytes:
    """Return ids as MessagePack strings, one after the other; ids of the same length keep their order.

    The shorter ones come first: all ids of one length are joined in one call.
    """
    parts = []
    for length, same in groupby(sorted(ids, key=len), len):
        head = chr(_FIXSTR + length) if length < 32 else _STR8 + chr(length)
        parts.append(head + head.join(same))
    return "".join(parts).encode("latin-1")


_Waiting = list[tuple[Ack, "asyncio.Future[list[bytes]]"]]


class AckBatches:
    """Collects the acks of streams on one server, and sends them together."""

    def __init__(self) -> None:
        self._waiting: _Waiting = []
        self._carriers: set[asyncio.Task[None]] = set()

    async def ack(self, client: Redis, ack: Ack) -> list[bytes]:
        """Acknowledge; returns the ids that the consumer does not hold any more.

        Raises what redis-py raises. A separate task sends, so that cancelling one caller does not drop the
        acks of others.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[bytes]] = loop.create_future()
        waiting = self._waiting
        waiting.append((ack, answer))
        if len(waiting) == 1:
            carrier = loop.create_task(self._send(client))
            self._carriers.add(carrier)
            carrier.add_done_callback(partial(self._end, waiting))
        return await answer

    def _end(self, waiting: _Waiting, carrier: asyncio.Task[None]) -> None:
        """Cancel the callers whose carrier was cancelled, perhaps before its start."""
        self._carriers.discard(carrier)
        if self._waiting is waiting:
            self._waiting = []
        for _, answer in waiting:
            answer.cancel()  # unless it is done

    async def _send(self, client: Redis) -> None:
        waiting, self._waiting = self._waiting, []
        answers: Sequence[list[bytes] | Exception]
        try:
            answers = await _answers(client, [ack for ack, _ in waiting])
        except Exception as error:  # noqa: BLE001 - the error is raised in each caller
            answers = [error] * len(waiting)
        for (_, future), answer in zip(waiting, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)


async def _answers(client: Redis, acks: Sequence[Ack]) -> list[list[bytes] | Exception]:
    """Run the script for all acks in one round trip; the answer to each may be an exception.

    The error of one stream fails a whole script, which may have acknowledged entries of others: each stream
    is then acknowledged again separately. Raises what redis-py raises if the server cannot be reached.
    """
    batches = list(_batches(acks))
    ack = script("settle/ack")
    found: list[list[bytes] | Exception] = []
    for batch, answer in zip(
        batches, await ack.run_each(client, [_call(batch) for batch in batches]), strict=True
    ):
        if isinstance(answer, Exception) and len(batch) > 1:
            singly = await ack.run_each(client, [_call([one]) for one in batch])
            found += [each if isinstance(each, Exception) else each[0] for each in singly]
        else:
            found += [answer] if isinstance(answer, Exception) else answer
    return found


def _batches(acks: Iterable[Ack]) -> Iterator[list[Ack]]:
    """Yield the acks of one script after the other."""
    batch: list[Ack] = []
    size = 0
    for ack in acks:
        size += len(ack.ids)
        if batch and size > MAX_IDS:
            yield batch
            batch, size = [], len(ack.ids)
        batch.append(ack)
    yield batch


def _call(acks: Sequence[Ack]) -> Call:
    return [ack.key for ack in acks], [argument for ack in acks for argument in ack.arguments]


_batches_by_pool: Final[WeakKeyDictionary[ConnectionPool, dict[int | None, AckBatches]]] = WeakKeyDictionary()


def ack_batches_of(client: Redis) -> AckBatches:
    """Return the batches that all users of a client's pool share (in a cluster: those of one slot)."""
    slot = client.slot if isinstance(client, SlotClient) else None
    shared = _batches_by_pool.setdefault(client.connection_pool, {})
    return shared.get(slot) or shared.setdefault(slot, AckBatches())
