"""Who acts, and the audit log of what was done."""

from __future__ import annotations

import asyncio
import getpass
import heapq
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.audit.log import AuditLog, StoredAudit
from streamroute.adapters.audit.record import AuditRecord
from streamroute.errors import RedisUnavailableError, SetupError
from streamroute.keys import GroupKeys
from streamroute.text.limits import HISTORY, NAME
from streamroute.text.safe_text import one_line, redacted_str, type_name
from streamroute.text.times import time_text
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document

ACTOR_VARIABLE: Final = "STREAMROUTE_ACTOR"

log = logging.getLogger(__name__)


def actor(name: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """Return who acts: the given name, else ``STREAMROUTE_ACTOR``, else ``user@host``.

    The name is not verified: anyone who can write to Redis can use any name.
    """
    return clip(one_line(name or environ.get(ACTOR_VARIABLE) or _user_at_host()), NAME)


def _user_at_host() -> str:
    user = f"uid {os.getuid()}"
    with suppress(OSError, KeyError, ImportError):  # the user has no name in this container
        user = getpass.getuser()
    return f"{user}@{socket.gethostname()}"


def group_keys(document: Document, streams: Iterable[str] | None = None) -> list[GroupKeys]:
    """Return the keys of the groups of some streams of a configuration (None: of all)."""
    names = document.streams if streams is None else streams
    configs = [document.streams[name] for name in names]
    return [GroupKeys.of(config.name, config.group, config.dead_letter) for config in configs]


def former_group_keys(document: Document, streams: Iterable[str] | None = None) -> list[GroupKeys]:
    """Return the keys of the groups that those of some streams have replaced: their actions stay listed."""
    configs = [document.streams[name] for name in (document.streams if streams is None else streams)]
    return [GroupKeys.of(config.name, former) for config in configs if (former := config.formerly_group)]


@dataclass(slots=True)
class Action:
    """A running action: ``count`` and ``result`` are written when it ends."""

    count: int | None = None
    result: str = "done"


class Audit:
    """Writes the actions of one operator to the audit logs of the groups that they concern.

    An action whose record the server refuses (a missing right, a key of the wrong type) still happens: a
    warning names the reason once. The methods raise RedisUnavailableError.
    """

    def __init__(self, redis: RedisConnection, who: str) -> None:
        self.who = who
        self._redis = redis
        self._refused: set[str] = set()

    async def write(
        self,
        groups: Sequence[GroupKeys],
        action: str,
        target: str = "",
        *,
        count: int | None = None,
        result: str = "done",
        reason: str = "",
    ) -> None:
        """Write one record to the log of each group."""
        record = AuditRecord(
            action=action, who=self.who, target=target, count=count, result=result, reason=reason
        )
        for keys in groups:
            try:
                await AuditLog(self._redis, keys).append(record)
            except SetupError as error:
                self._warn(keys, error)

    @asynccontextmanager
    async def action(
        self, groups: Sequence[GroupKeys], action: str, target: str = "", *, reason: str = ""
    ) -> AsyncIterator[Action]:
        """Write a record when the block starts and one when it ends, with its count and its result.

        A process that is killed leaves the first one. A block that raises, or is cancelled, ends with the
        result ``stopped: ...``.
        """
        await self.write(groups, action, target, result="started", reason=reason)
        running = Action()
        try:
            yield running
        except BaseException as error:
            running.result = f"stopped: {_cause(error)}"
            await self._end(groups, action, target, running, reason)
            raise
        await self._end(groups, action, target, running, reason)

    async def _end(
        self, groups: Sequence[GroupKeys], action: str, target: str, ended: Action, reason: str
    ) -> None:
        count, result = ended.count, ended.result
        try:
            await self.write(groups, action, target, count=count, result=result, reason=reason)
        except RedisUnavailableError as error:  # what was done stays done, and its first record exists
            log.warning("the end of %s is not in the audit log: %s", action, error)

    def _warn(self, keys: GroupKeys, error: SetupError) -> None:
        if keys.audit not in self._refused:
            self._refused.add(keys.audit)
            log.warning("not in the audit log of %s: %s", keys.stream, error)


def _cause(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        return "interrupted"
    return redacted_str(error, HISTORY) or type_name(error)


async def newest_actions(
    redis: RedisConnection, groups: Iterable[GroupKeys], limit: int
) -> list[StoredAudit]:
    """Return at most ``limit`` actions on some groups, newest first.

    Raises RedisUnavailableError if Redis cannot be reached, SetupError if it refuses.
    """
    found: list[StoredAudit] = []
    for keys in groups:
        found = heapq.nlargest(limit, [*found, *await AuditLog(redis, keys).newest(limit)], key=_position)
    return found


def action_object(stored: StoredAudit) -> dict[str, Any]:
    """Return an action as an object for JSON; its time is ISO 8601, in UTC."""
    record = stored.record
    return {
        "id": stored.id,
        "time": time_text(stored.at / 1000),
        "stream": stored.stream,
        **{name: getattr(record, name) for name in ("who", "action", "target", "count", "result", "reason")},
    }


def _position(stored: StoredAudit) -> tuple[int, int]:
    milliseconds, _, sequence = stored.id.partition("-")
    return int(milliseconds), int(sequence)
