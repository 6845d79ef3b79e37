"""A client for each stream of a cluster, which follows the stream's slot from node to node.

All keys of a stream are in one slot, so a consumer needs one node at a time. A redirected command is sent to
the node in the redirection: permanently (MOVED), or once, while the slot migrates (ASK). The first node did
not execute it, so nothing is executed twice.

redis-py's ``RedisCluster`` is not used. It sends ASKING as a command of its own, which may reach another
connection than the command that it is for; it closes the connections to all nodes when a slot is down, and at
every fifth MOVED; it sends a command again after a timeout, when it may have been executed; and each
concurrent command takes a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from redis.asyncio import Redis
from redis.asyncio.connection import Connection, parse_url
from redis.exceptions import AskError, ClusterDownError, MovedError, ReadOnlyError, TryAgainError

from streamroute.adapters.redis.channel import channel_of
from streamroute.adapters.redis.cluster.pool import ClusterPool
from streamroute.adapters.redis.cluster.topology import Cluster, SlotDownError
from streamroute.adapters.redis.driver_errors import hide_address
from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.read_commands import ReaderId, ReadResult, read_command, read_reply
from streamroute.adapters.redis.round_trip import NotSentError
from streamroute.adapters.redis.shared_reads import shared_reads_of
from streamroute.adapters.urls.cluster_url import read_cluster_url
from streamroute.errors import SetupError
from streamroute.keys import GroupKeys, base, keys_in_other_slots, slot

MULTI: Final = ("MULTI",)
_ASKING: Final = ("ASKING",)
_ADDRESS_SETTINGS: Final = ("host", "port", "connection_class", "db")
_REDIRECTIONS: Final = (AskError, TryAgainError)  # a MovedError is an AskError
_DOWN: Final = (ClusterDownError, ReadOnlyError)
_RETRY_DELAYS: Final = (0, 0, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Seconds before each attempt."""

T = TypeVar("T")
_Send = Callable[[Sequence[CommandArgs]], Awaitable[list[Any]]]


class SlotClient(Redis):
    """A client of one slot; replies are not parsed."""

    def __init__(self, pool: ClusterPool, slot: int) -> None:
        super().__init__(connection_pool=pool)
        self.pool = pool
        self.slot = slot
        self._cluster = pool.cluster

    async def execute_command(self, *words: Any, **_options: Any) -> Any:
        """Send a command to the slot's node; raises what redis-py raises."""
        (answer,) = await self.send_following([words])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def send_each(self, commands: Sequence[CommandArgs]) -> list[Any]:
        """Send independent commands in one round trip; an answer may be an exception."""
        answers = await self._send(commands)
        for index, words in enumerate(commands):
            if isinstance(answers[index], _REDIRECTIONS):
                (answers[index],) = await self.send_following([words])
        self._record_failures(answers)
        return answers

    async def send_following(self, commands: Sequence[CommandArgs]) -> list[Any]:
        """Send commands in one round trip, and send all of them again if one was redirected.

        At most one of them, or one transaction (MULTI to EXEC), may write. An answer may be an exception.
        Raises SlotDownError if nodes keep redirecting to each other.
        """
        send: _Send = self._send
        answers: list[Any] = []
        for pause in _RETRY_DELAYS:
            await asyncio.sleep(pause)
            answers = await send(commands)
            refusal = next((answer for answer in answers if isinstance(answer, _REDIRECTIONS)), None)
            if refusal is None:
                break
            if isinstance(refusal, AskError):
                send = self._sender_after(refusal)
        self._record_failures(answers)
        return answers

    async def read(self, reader: ReaderId, keys: tuple[str, ...], count: int, wait: float) -> ReadResult:
        """See ``SharedReads.read``; reads from the slot's node."""
        reader = reader._replace(slot=self.slot)
        refusal: Exception = TryAgainError("the slot is moving")
        for pause in _RETRY_DELAYS:
            await asyncio.sleep(pause)
            try:
                return await self._at_node(lambda node: shared_reads_of(node).read(reader, keys, count, wait))
            except MovedError as error:
                self._cluster.record_move(self.slot, error)
                refusal = error
            except AskError:
                return read_reply(await self.send_following([("TIME",), read_command(reader, keys, count)]))
            except TryAgainError as error:
                refusal = error
            except _DOWN as error:
                self._record_failures([error])
                raise
        self._record_failures([refusal])
        raise refusal

    def interrupt(self, reader: ReaderId, keys: tuple[str, ...]) -> None:
        """See ``SharedReads.interrupt``."""
        for client in self._cluster.clients:
            shared_reads_of(client).interrupt(reader._replace(slot=self.slot), keys)

    async def _send(self, commands: Sequence[CommandArgs]) -> list[Any]:
        return await self._at_node(lambda node: channel_of(node).send(commands))

    async def _at_node(self, act: Callable[[Redis], Awaitable[T]]) -> T:
        """Call ``act`` with the slot's node; if it is unreachable, look the slot up again and retry once."""
        node = await self._cluster.node_of(self.slot)
        try:
            return await act(self._cluster.client_of(node))
        except NotSentError as error:
            cause = error.cause
        owner = await self._cluster.find(self.slot)
        if owner == node:
            self._cluster.invalidate(self.slot)
            raise cause
        try:
            return await act(self._cluster.client_of(owner))
        except NotSentError as error:
            cause = error.cause
        raise cause

    def _sender_after(self, refusal: AskError) -> _Send:
        """Return the function that sends redirected commands again."""
        if isinstance(refusal, MovedError):
            self._cluster.record_move(self.slot, refusal)
            return self._send
        node = self._cluster.client_of(self._cluster.redirected_node(self.slot, refusal))
        return lambda commands: _send_asking(node, commands)

    def _record_failures(self, answers: Sequence[Any]) -> None:
        """Have the slot looked up again if its node does not serve it."""
        if any(isinstance(answer, _DOWN) for answer in answers):
            self._cluster.invalidate(self.slot)
        if any(isinstance(answer, AskError) for answer in answers):
            self._cluster.invalidate(self.slot)
            raise SlotDownError(f"the slot {self.slot} is moving, and each node names another one for it")


async def _send_asking(node: Redis, commands: Sequence[CommandArgs]) -> list[Any]:
    """Send commands to the node that the slot migrates to: ASKING is valid for one command, or until EXEC."""
    try:
        if commands[0] == MULTI:
            return (await channel_of(node).send([_ASKING, *commands]))[1:]
        return (await channel_of(node).send([part for words in commands for part in (_ASKING, words)]))[1::2]
    except NotSentError as error:
        cause = error.cause
    raise cause


def cluster_client(url: str, settings: Mapping[str, Any]) -> Redis:
    """Return a client of any node of the cluster in the URL; the URL's parameters override ``settings``.

    Raises ValueError for an invalid URL or parameter. Sends nothing yet.
    """
    read = read_cluster_url(url)
    parsed: Mapping[str, Any] = parse_url(read.node_url)
    options = {name: value for name, value in parsed.items() if name not in _ADDRESS_SETTINGS}
    connection_class = hide_address(parsed.get("connection_class", Connection))
    return Redis.from_pool(ClusterPool(Cluster(list(read.nodes), {**settings, **options}, connection_class)))


def slot_client(pool: ClusterPool, key: str) -> SlotClient:
    """Return a client of the slot of a key; it shares the connections of its cluster."""
    return SlotClient(pool, slot(key))


def clone_slot_client(client: SlotClient) -> SlotClient:
    """Return a client of the same slot for another event loop; closing it closes its connections."""
    clone = SlotClient(client.pool.clone_for_loop(), client.slot)
    clone.auto_close_connection_pool = True
    return clone


def require_one_slot(client: Redis, keys: GroupKeys) -> None:
    """Raise SetupError if some of these keys are in a different cluster slot than their stream."""
    strays = (
        keys_in_other_slots(keys.stream, [keys.retry, keys.dead]) if isinstance(client, SlotClient) else ()
    )
    if strays:
        names = " and ".join(f'"{key}"' for key in (keys.stream, *strays))
        raise SetupError(
            f'{names} are in different cluster slots; use names that start with "{base(keys.stream)}:"'
        )
