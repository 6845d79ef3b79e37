"""Sends outcomes to those who watch, from the heartbeat thread; while nobody does, nothing is sampled.

A watcher keeps the key ``watched`` of a group alive. Outcomes are only for people who look: if they cannot be
sent, nothing else changes.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from streamroute.adapters.live.outcome_batch import FIELD, OutcomeBatch
from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.raw_client import send_each
from streamroute.adapters.stream.leases.heartbeat import CallInLoop, ClientOf
from streamroute.keys import GroupKeys
from streamroute.logs.exception_text import error_line

log = logging.getLogger(__name__)

MAX_BATCHES: Final = 256
"""Entries of the stream of outcomes."""
_LOOK: Final = 2.0  # seconds between two looks for a watcher
_SEND: Final = 0.25  # seconds between two batches while somebody watches
_PAUSE: Final = 60.0  # seconds until the next attempt after the server refused


class OutcomeSource(Protocol):
    """Samples outcomes; called in the heartbeat thread."""

    def groups(self) -> Mapping[GroupKeys, str]:
        """Return the groups that are consumed now, and the consumer of each."""
        ...

    def watch(self, streams: Collection[str]) -> None:
        """Sample the outcomes of these streams from now on, and of no other."""
        ...

    def take(self, stream: str) -> OutcomeBatch:
        """Return what was sampled since the last call."""
        ...


class OutcomeWriter:
    """A target of the heartbeat thread: samples while somebody watches, and sends what was sampled."""

    stall = math.inf  # what a blocked event loop has done before is worth a look

    def __init__(self, source: OutcomeSource, *, look: float = _LOOK, send: float = _SEND) -> None:
        self.tick = send
        self._source = source
        self._look = look
        self._send = send
        self._due = 0.0
        self._next_look = 0.0
        self._watched: frozenset[GroupKeys] = frozenset()
        self._refused: dict[str, float] = {}

    def is_due(self, now: float) -> bool:
        """See ``HeartbeatTarget``."""
        return now >= self._due

    async def beat(self, client_of: ClientOf, call: CallInLoop, silence: float) -> None:  # noqa: ARG002 - calls nothing
        """See ``HeartbeatTarget``."""
        now = time.monotonic()
        try:
            if now >= self._next_look:
                self._next_look = now + self._look
                await self._look_for_watchers(client_of, now)
            await asyncio.gather(*(self._write(client_of, keys) for keys in self._watched))
        except Exception as error:  # noqa: BLE001 - the lease keepers log an outage, and the next beat may work
            log.debug("could not send outcomes: %s", error_line(error))
        self._due = now + (self._send if self._watched else self._look)

    async def leave(self, client_of: ClientOf) -> None:  # noqa: ARG002 - leaves nothing behind
        """See ``HeartbeatTarget``."""
        self._source.watch(())

    async def _look_for_watchers(self, client_of: ClientOf, now: float) -> None:
        groups = self._source.groups()
        asked = [keys for keys in groups if self._refused.get(keys.stream, 0.0) <= now]
        answers = await _ask(client_of, {keys: ("EXISTS", keys.watched) for keys in asked})
        watched = frozenset(
            keys for keys, answer in answers.items() if self._is_granted(keys, answer) and answer
        )
        new = watched - self._watched
        self._watched = watched
        self._source.watch([keys.stream for keys in watched])
        for keys in new:
            await self._add(client_of, keys, OutcomeBatch(groups[keys]))

    async def _write(self, client_of: ClientOf, keys: GroupKeys) -> None:
        batch = self._source.take(keys.stream)
        if batch.outcomes or batch.dropped:
            await self._add(client_of, keys, batch)

    async def _add(self, client_of: ClientOf, keys: GroupKeys, batch: OutcomeBatch) -> None:
        """Add a batch, unless the watcher's stream has expired.

        Source: https://redis.io/docs/latest/commands/xadd/
        """
        command = ("XADD", keys.outcomes, "NOMKSTREAM", "MAXLEN", "~", MAX_BATCHES, "*", FIELD, batch.pack())
        (answer,) = await send_each(client_of(keys.stream), [command])
        if not self._is_granted(keys, answer):
            self._watched -= {keys}
            self._source.watch([other.stream for other in self._watched])

    def _is_granted(self, keys: GroupKeys, answer: Any) -> bool:
        """Whether the server did what was asked; what it refuses is logged once, and tried again later."""
        if not isinstance(answer, Exception):
            return True
        if keys.stream not in self._refused:
            template = "`streamroute tail --outcome` does not see the outcomes of this worker on %s: %s"
            log.warning(template, keys.stream, error_line(answer))
        self._refused[keys.stream] = time.monotonic() + _PAUSE
        return False


async def _ask(client_of: ClientOf, commands: Mapping[GroupKeys, CommandArgs]) -> dict[GroupKeys, Any]:
    """Send a command for each group: one round trip to each server."""
    by_client: dict[Any, list[GroupKeys]] = {}
    for keys in commands:
        by_client.setdefault(client_of(keys.stream), []).append(keys)

    async def ask(client: Any, groups: Sequence[GroupKeys]) -> list[tuple[GroupKeys, Any]]:
        answers = await send_each(client, [commands[keys] for keys in groups])
        return list(zip(groups, answers, strict=True))

    found = await asyncio.gather(*(ask(client, groups) for client, groups in by_client.items()))
    return {keys: answer for answers in found for keys, answer in answers}
