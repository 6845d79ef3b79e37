"""A client for each stream of a cluster, on the node that has its slot, wherever that is at the moment.

Everything of a stream is in one slot, so that a consumer needs one node at a time. What that one refuses
for another's sake is sent to the node that it names: for good (MOVED), or for this time, while the slot
is on its way (ASK). It was not carried out, so that nothing is done twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.connection import Connection, parse_url
from redis.exceptions import AskError, ClusterDownError, MovedError, ReadOnlyError, TryAgainError

from streamroute.adapters.cluster import Cluster, SlotDownError
from streamroute.adapters.cluster_url import read_cluster_url
from streamroute.adapters.round_trip import Words, together
from streamroute.adapters.slot_pool import SlotPool
from streamroute.errors import SetupError
from streamroute.keys import GroupKeys, elsewhere, slot

MULTI: Final = ("MULTI",)
_ASKING: Final = ("ASKING",)
_NOT_THE_NODES: Final = ("host", "port", "connection_class", "db")
_REFUSED: Final = (AskError, TryAgainError)  # a MovedError is an AskError
_DOWN: Final = (ClusterDownError, ReadOnlyError)
_PAUSES: Final = (0, 0, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Seconds before each try."""


class SlotClient(Redis):
    """A client of one slot; replies are left as they are."""

    def __init__(self, pool: SlotPool) -> None:
        super().__init__(connection_pool=pool)
        self._pool = pool
        self._here = Redis(connection_pool=pool)
        for client in (self, self._here):
            client.response_callbacks.clear()

    async def execute_command(self, *words: Any, **_options: Any) -> Any:
        """Send a command to wherever the slot is; raises what redis-py raises."""
        (answer,) = await self.follow([words])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def each(self, commands: Sequence[Words]) -> list[Any]:
        """Send commands that do not depend on each other in one round trip; an answer may be an exception."""
        answers = await together(self._here, commands)
        for index, words in enumerate(commands):
            if isinstance(answers[index], _REFUSED):
                (answers[index],) = await self.follow([words])
        self._note(answers)
        return answers

    async def follow(self, commands: Sequence[Words]) -> list[Any]:
        """Send commands in one round trip, and all of them again where one was refused for another's sake.

        At most one of them, or what stands between MULTI and EXEC, may change anything. An answer may be
        an exception. Raises SlotDownError where nodes go on naming one another.
        """
        target, asking, answers = self._here, False, []
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            answers = await together(target, _asking(commands) if asking else commands)
            answers = answers[-len(commands) :] if commands[0] == MULTI else answers[asking :: 1 + asking]
            refusal = next((answer for answer in answers if isinstance(answer, _REFUSED)), None)
            if refusal is None:
                break
            if isinstance(refusal, MovedError):
                self._pool.moved(refusal)
                target, asking = self._here, False
            elif isinstance(refusal, AskError):
                target, asking = self._pool.asked(refusal), True
        self._note(answers)
        return answers

    def _note(self, answers: Sequence[Any]) -> None:
        """Where a node does not serve the slot, others are asked who does."""
        if any(isinstance(answer, _DOWN) for answer in answers):
            self._pool.doubt()
        if any(isinstance(answer, AskError) for answer in answers):
            self._pool.doubt()
            raise SlotDownError(
                f"the slot {self._pool.slot} is moving, and each node names another one for it"
            )


def _asking(commands: Sequence[Words]) -> Sequence[Words]:
    """The commands for the node that the slot is on its way to: ASKING holds for one, or until EXEC."""
    if commands[0] == MULTI:
        return [_ASKING, *commands]
    return [part for words in commands for part in (_ASKING, words)]


def cluster_client(url: str, settings: Mapping[str, Any]) -> Redis:
    """A client of any node of the cluster that the URL names; what the URL sets wins over ``settings``.

    Raises ValueError for a URL, or a value in it, that cannot be used. Nothing is sent yet.
    """
    read = read_cluster_url(url)
    asked: Mapping[str, Any] = parse_url(read.node_url)
    own = {name: value for name, value in asked.items() if name not in _NOT_THE_NODES}
    kind = asked.get("connection_class", Connection)
    return Redis.from_pool(SlotPool(Cluster(list(read.nodes), {**settings, **own}, kind)))


def slot_client(pool: SlotPool, key: str) -> SlotClient:
    """A client of the slot that a key is in, on the connections of its cluster."""
    return SlotClient(pool.of(slot(key)))


def separate_slot_client(pool: SlotPool) -> SlotClient:
    """A client of the same slot for another event loop, which closes its connections with itself."""
    client = SlotClient(pool.separate())
    client.auto_close_connection_pool = True
    return client


def require_one_slot(client: Redis, keys: GroupKeys) -> None:
    """Raises SetupError where a cluster keeps some of these keys in another slot than their stream."""
    strays = elsewhere(keys.stream, [keys.retry, keys.dead]) if isinstance(client, SlotClient) else ()
    if strays:
        raise SetupError(
            f"a cluster keeps {', '.join(strays)} in another slot than {keys.stream}, and a message is "
            f"settled in one; name it {keys.prefix}:..."
        )
