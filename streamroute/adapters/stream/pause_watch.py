"""The pause watch: learns what is paused, in the heartbeat thread, and tells the gate.

It asks once a second, and five times a second while parked messages return. A process with more than a
hundred streams asks for each less often, so that it sends at most a hundred scripts a second.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections import Counter, deque
from typing import Final, TypeVar

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from streamroute.adapters.audit.record import AuditRecord
from streamroute.adapters.pauses.lost_names import LostNames
from streamroute.adapters.pauses.returning import ReturningRoutes
from streamroute.adapters.pauses.sync import CircuitEvent, SyncResult, sync_pauses
from streamroute.adapters.redis.raw_client import send_command
from streamroute.adapters.redis.scripts import script_error_text
from streamroute.adapters.stream.deleted_entries import PARKED, report_deleted
from streamroute.adapters.stream.loop_calls import CallInLoop, ClientOf
from streamroute.durations import format_duration
from streamroute.incidents import Incident, Incidents
from streamroute.keys import GroupKeys, PauseKeys
from streamroute.logs.exception_text import error_line
from streamroute.outages import OutageTracker
from streamroute.pauses import NOTHING_PAUSED, PauseGate, PauseView

log = logging.getLogger(__name__)

T = TypeVar("T")

_EVERY: Final = 1.0  # seconds
_WHILE_RETURNING: Final = 0.2  # seconds
_AFTER_REFUSAL: Final = 10.0  # seconds
_AT_A_SECOND: Final = 100  # scripts a second that a process sends at most
_FIRST: Final = 2.0  # seconds that a start waits for the first answer
_REFUSALS: Final = ("WRONGTYPE", "NOPERM", "ACL failure", "The user executing the script")
_AUDITED: Final = {"opened": "opened", "reopened": "opened again", "closed": "closed", "ended": "time over"}

_watches: Final[weakref.WeakSet[PauseWatch]] = weakref.WeakSet()


class PauseWatch:
    """Keeps the gate of one consumer up to date; its beats are those of the heartbeat thread.

    A server that refuses (a missing right, a key of another type) pauses nothing: a line in the log names
    the reason, and consuming continues.
    """

    tick = 0.2
    stall = 1e9  # a blocked event loop starts no message, and needs to learn nothing

    def __init__(self, keys: GroupKeys, gate: PauseGate, incidents: Incidents) -> None:
        self._keys = keys
        self._gate = gate
        self._incidents = incidents
        self._outage = OutageTracker("reading the pauses of %s", keys.stream, incidents)
        self._returning = ReturningRoutes()
        self._lost_names = LostNames(PauseKeys.of(keys))
        self._due = 0.0
        self._refusal = ""
        self._damaged: frozenset[str] = frozenset()
        self._known = asyncio.Event()
        _watches.add(self)

    async def wait_until_known(self) -> None:
        """Wait for the first answer, so that a start runs no message of a paused route.

        Waits at most two seconds: without Redis there are no messages either.
        """
        try:
            async with asyncio.timeout(_FIRST):
                await self._known.wait()
        except TimeoutError:
            log.debug("the pauses of %s are not known yet", self._keys.stream)

    # Called in the heartbeat thread; see ``HeartbeatTarget``.

    def is_due(self, now: float) -> bool:
        """See ``HeartbeatTarget``."""
        return now >= self._due or (self._gate.is_urgent and not self._outage.failures and not self._refusal)

    async def beat(self, client_of: ClientOf, call: CallInLoop, silence: float) -> None:  # noqa: ARG002 - calls nothing
        """See ``HeartbeatTarget``."""
        counted, probes = _taken(self._gate.counted), _taken(self._gate.probes)
        try:
            result = await sync_pauses(
                client_of(self._keys.stream),
                self._keys,
                Counter(counted),
                self._gate.circuits,
                probes,
                self._gate.view.routes,
                keeps_order=self._gate.keeps_order,
            )
            view = self._view(result)
            await self._report(client_of(self._keys.stream), result)
            if result.nameless:
                await self._restore_names(client_of(self._keys.stream))
        except Exception as error:  # noqa: BLE001 - whatever fails, the next beat may work
            self._gate.counted.extend(counted)
            self._gate.probes.extend(probes)
            if not _is_refusal(error):
                # What is paused stays paused: a server without memory, or after a failover, says nothing new.
                self._due = time.monotonic() + self._outage.record_failure(error)
                return
            view = self._refused(error)
        else:
            self._refusal = ""
            self._outage.record_success()
            every = _WHILE_RETURNING if result.parked.keys() - view.routes else _EVERY
            self._due = time.monotonic() + max(every, len(_watches) / _AT_A_SECOND)
        call(lambda: self._apply(view))

    async def leave(self, client_of: ClientOf) -> None:
        """See ``HeartbeatTarget``: there is nothing to withdraw."""

    def _apply(self, view: PauseView) -> None:
        """Called in the event loop of the handlers."""
        if view != self._gate.view:
            self._gate.apply(view)
        self._known.set()

    def _view(self, result: SyncResult) -> PauseView:
        routes = frozenset(route for route in result.pauses if route)
        returning, reads_new = frozenset[str](), True
        if self._gate.keeps_order:
            parked = {route: count for route, count in result.parked.items() if route not in routes}
            returning, reads_new = self._returning.update(parked, self._gate.parked_at)
        return PauseView(
            stream="" in result.pauses,
            routes=routes,
            circuits=frozenset(route for route in routes if result.pauses[route].kind == "circuit"),
            returning=returning,
            reads_new=reads_new,
        )

    def _refused(self, error: Exception) -> PauseView:
        """Pause nothing while the server refuses; name the reason once."""
        reason = script_error_text(error)
        if isinstance(error, NoPermissionError):
            reason = f"{reason}; add to the ACL: ~{self._keys.prefix}:*"
        if reason != self._refusal:
            template = "nothing is paused in %s, since its pauses cannot be read: %s"
            log.error(template, self._keys.stream, reason)
        self._refusal = reason
        self._due = time.monotonic() + _AFTER_REFUSAL
        return NOTHING_PAUSED

    async def _report(self, client: Redis, result: SyncResult) -> None:
        stream = self._keys.stream
        key = PauseKeys.of(self._keys).parked_entries
        report_deleted(self._incidents, stream, key, [name.encode() for name in result.deleted], PARKED)
        for route in set(result.damaged) - self._damaged:
            template = "the pause of %r in %s is damaged, and pauses nothing; resume it or pause it again"
            log.error(template, route, PauseKeys.of(self._keys).paused)
        self._damaged = frozenset(result.damaged)
        for event in result.events:
            self._log(event, result)
            if event.kind in _AUDITED:
                await self._audit(client, event)

    async def _restore_names(self, client: Redis) -> None:
        restored = await self._lost_names.restore(client)
        if restored:
            template = "restored the names of %d parked messages of %s, which were deleted from %s"
            facts = (restored, self._keys.stream, PauseKeys.of(self._keys).parked)
            self._incidents.report(Incident.RESTORED, self._keys.stream, template, *facts, count=restored)

    def _log(self, event: CircuitEvent, result: SyncResult) -> None:
        route, stream, pause = event.route, self._keys.stream, result.pauses.get(event.route)
        ends = None if pause is None else pause.until
        left = "" if ends is None else format_duration(max(0, round((ends - result.now) / 1000)))
        match event.kind:
            case "opened":
                template = "the circuit of the route %s of %s opened: %s; a message tries it again in %s"
                reason = "" if pause is None else pause.reason
                self._incidents.report(Incident.CIRCUIT_OPENED, stream, template, route, stream, reason, left)
            case "reopened":
                template = "the route %s of %s still fails: its circuit stays open, for %s"
                log.error(template, route, stream, left)
            case "closed":
                log.warning("the route %s of %s works again: its circuit closed", route, stream)
            case "probed":
                log.info("a message tries whether the route %s of %s works again", route, stream)
            case _:
                what = f"the route {route} of {stream}" if route else stream
                log.warning("the time of the pause of %s is over: it is resumed", what)

    async def _audit(self, client: Redis, event: CircuitEvent) -> None:
        action = "resume" if event.kind == "ended" else "circuit"
        target = f"route {event.route}" if event.route else f"stream {self._keys.stream}"
        record = AuditRecord(action=action, who="streamroute", target=target, result=_AUDITED[event.kind])
        try:
            await send_command(client, "XADD", self._keys.audit, "MAXLEN", "~", 10_000, "*", *record.write())
        except ResponseError as error:
            log.debug("not in the audit log of %s: %s", self._keys.stream, error_line(error))


def _is_refusal(error: Exception) -> bool:
    """Whether the server will refuse until somebody changes its data or its rights."""
    if isinstance(error, NoPermissionError):
        return True
    return isinstance(error, ResponseError) and any(words in str(error) for words in _REFUSALS)


def _taken(facts: deque[T]) -> list[T]:
    """Take what is there now; the event loop may add more meanwhile."""
    return [facts.popleft() for _ in range(len(facts))]
