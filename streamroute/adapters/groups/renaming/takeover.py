"""Takes over a renamed group: its unfinished entries move to the group that replaces it."""

from __future__ import annotations

import logging
import time
from typing import Final

from redis.asyncio import Redis

from streamroute.adapters.redis.raw_client import send_command
from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import script
from streamroute.errors import SetupError
from streamroute.keys import RELEASED, GroupKeys, PauseKeys

log = logging.getLogger(__name__)

_STEP: Final = 500  # entries that one script moves
_MAX_STEP_BYTES: Final = 16 * 1024 * 1024  # that one script moves, about
_LOOK_EVERY: Final = 1.0  # seconds between checks for workers of the old group


async def require_not_replaced(client: Redis, keys: GroupKeys, group: str) -> None:
    """Raise SetupError if another group has replaced this one.

    If created again, it would process the whole stream a second time. Also raises what redis-py raises.
    """
    moved_to = await send_command(client, "HGET", keys.meta, "moved_to")
    if moved_to is not None:
        heir = text(moved_to)
        raise SetupError(
            f"the group {heir} of {keys.stream} has replaced {group}; to go back to {group}: "
            f"formerly_group: {heir}; to begin {group} anew: HDEL {keys.meta} moved_to"
        )


class GroupTakeover:
    """Moves the position, pending entries, retries, pauses and dead letters of ``old`` to ``new``.

    It waits until no worker of the old group is alive: otherwise both groups would process new entries.
    """

    def __init__(self, client: Redis, old: GroupKeys, new: GroupKeys, names: tuple[str, str]) -> None:
        self._client = client
        self._old = old
        self._new = new
        self._names = names
        self._next_look = 0.0
        self._has_warned = False
        self.is_done = False

    async def advance(self) -> bool:
        """Move everything, unless workers of the old group are alive; returns whether it is complete.

        Raises SetupError if the new group existed before, at another position, and what redis-py raises.
        """
        if self.is_done or time.monotonic() < self._next_look:
            return self.is_done
        moved = 0
        while True:
            state, count = await self._step()
            if state == "waits":
                self._wait_for(count)
                return False
            moved += count
            if state == "done":
                self._end(moved + await self._move_parked())
                return True

    async def _step(self) -> tuple[str, int]:
        old, new = self._old, self._new
        state, count = await script("groups/take_over_group").run(
            self._client,
            [
                *(old.stream, old.workers, old.retry, old.due, old.delayed, old.dead),
                *(old.meta, old.routes, old.generations),
                *(new.retry, new.due, new.delayed, new.dead, new.meta),
            ],
            [*self._names, RELEASED, _STEP, _MAX_STEP_BYTES, old.failures, new.failures],
        )
        if text(state) == "exists":
            former, group = self._names
            raise SetupError(
                f"the group {group} of {old.stream} was there before, and cannot take the place of {former}; "
                f"leave formerly_group out, or delete one of them: XGROUP DESTROY {old.stream} {former}"
            )
        return text(state), int(count)

    async def _move_parked(self) -> int:
        """Move what is paused and parked; returns the number of messages.

        It comes last, and again at the next start if this one is interrupted: the old group has no workers.
        """
        keys = [*PauseKeys.of(self._old), *PauseKeys.of(self._new)]
        moved, has_more = 0, 1
        while has_more:
            has_more, count = await script("pauses/take_over").run(
                self._client, keys, [_STEP, _MAX_STEP_BYTES]
            )
            moved += int(count)
        return moved

    def _wait_for(self, workers: int) -> None:
        self._next_look = time.monotonic() + _LOOK_EVERY
        if not self._has_warned:
            self._has_warned = True
            former, group = self._names
            template = "the group %s of %s will replace %s when its workers have ended: %d are alive"
            log.warning(template, group, self._old.stream, former, workers)

    def _end(self, moved: int) -> None:
        self.is_done = True
        if moved or self._has_warned:
            former, group = self._names
            template = "the group %s of %s has replaced %s, with %d entries, retries and dead letters"
            log.warning(template, group, self._old.stream, former, moved)
