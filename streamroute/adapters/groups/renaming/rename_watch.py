"""Warns about abandoned groups, once each, when a worker starts and while it runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final

from streamroute.adapters.groups.renaming.abandoned import AbandonedGroup, OtherGroups
from streamroute.errors import RedisUnavailableError
from streamroute.logs.exception_text import error_line

log = logging.getLogger(__name__)

CHECK_EVERY: Final = 60.0
"""Seconds between two checks of the groups of a stream."""


class GroupWatch:
    """Warns about the abandoned groups of one stream, except ``formerly``, which is being taken over."""

    def __init__(self, stream: str, groups: OtherGroups, formerly: str | None = None) -> None:
        self._stream = stream
        self._groups = groups
        self._reported = set[str]() if formerly is None else {formerly}
        self._suspected: frozenset[str] = frozenset()
        self._has_failed = False

    def continue_from(self, other: GroupWatch) -> None:
        """Report nothing that the watch of an earlier configuration has reported."""
        self._reported |= other._reported
        self._suspected, self._has_failed = other._suspected, other._has_failed

    async def check_at_start(self) -> None:
        """Warn about abandoned groups. Raises SetupError if a key of a group has the wrong type."""
        with suppress(RedisUnavailableError):
            for group in await self._groups.abandoned(self._reported):
                self._warn(group)

    async def check(self) -> None:
        """Warn about groups that two consecutive checks have found, as workers may be restarting.

        Raises nothing; the first failure other than an outage is logged.
        """
        try:
            found = {group.name: group for group in await self._groups.abandoned(self._reported)}
        except RedisUnavailableError:
            return
        except Exception as error:  # noqa: BLE001 - entries are consumed all the same
            self._warn_of_failure(error)
            return
        for name in found.keys() & self._suspected:
            self._warn(found[name])
        self._suspected = frozenset(found)

    def _warn(self, group: AbandonedGroup) -> None:
        self._reported.add(group.name)
        unread = "" if group.unread is None else f"{group.unread} unread, "
        log.warning(
            "the group %s of %s had routes of this configuration, and has no worker: %s%d pending, "
            "%d retries; to take them over: formerly_group: %s; to drop them: XGROUP DESTROY %s %s",
            *(group.name, self._stream, unread, group.pending, group.retries),
            *(group.name, self._stream, group.name),
        )

    def _warn_of_failure(self, error: Exception) -> None:
        if not self._has_failed:
            self._has_failed = True
            log.warning("could not look for abandoned groups: %s", error_line(error))


async def watch_groups(current: Callable[[], Collection[GroupWatch]], every: float) -> None:
    """Check the groups of each stream every ``every`` seconds, one stream after another, until cancelled."""
    while True:
        watches = current()
        for watch in watches:
            await asyncio.sleep(every / len(watches))
            await watch.check()
        if not watches:
            await asyncio.sleep(every)
