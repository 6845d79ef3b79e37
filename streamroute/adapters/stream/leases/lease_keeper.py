"""The lease keeper: renews the leases of the entries of one stream that a consumer holds.

An event loop that does not respond for a lease counts as hung: its entries that have not started are released
to other workers. After ``stall`` seconds no lease is renewed, and other workers claim the rest.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from redis.asyncio import Redis

from streamroute.adapters.groups.key_type_check import explain_wrong_types
from streamroute.adapters.groups.live_workers import digest_of, pack_known_routes
from streamroute.adapters.groups.watermark import Watermarks
from streamroute.adapters.redis.raw_client import send_command
from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import script
from streamroute.adapters.stream.deleted_entries import PENDING, report_deleted
from streamroute.adapters.stream.leases.heartbeat import heartbeat_of
from streamroute.adapters.stream.leases.release import release
from streamroute.adapters.stream.loop_calls import CallInLoop, ClientOf, LoopIsClosedError
from streamroute.adapters.stream.pause_watch import PauseWatch
from streamroute.delivery import Delivery
from streamroute.durations import format_duration
from streamroute.incidents import Incidents
from streamroute.keys import GroupKeys
from streamroute.logs.exception_text import error_line
from streamroute.outages import OutageTracker
from streamroute.values import KnownRoutes, Lease

log = logging.getLogger(__name__)

HeldDeliveries = Callable[[], Mapping[str, Delivery]]
Waiting = Callable[[], Collection[str]]
Knows = Callable[[], KnownRoutes]
GenerationOf = Callable[[], str]
OnLost = Callable[[Sequence[tuple[str, int]]], None]


def nothing_waiting() -> Collection[str]:
    """Return no ids: the default, for processors that start every entry at once."""
    return ()


class RedisLeaseKeeper:
    """Renews the leases of ``held()`` every third of a lease, from the client's heartbeat thread.

    The thread also saves the group's watermark and this worker's record: until when it counts as alive, its
    lease, ``known_routes()`` and ``generation()``, which it saves at once when it changes. ``waiting()``
    returns the ids of held entries that have not started.
    ``lost`` is called in the event loop that opened the keeper. One script confirms up to ``batch`` entries.
    ``pauses`` learns in the same thread what is paused.
    """

    def __init__(  # noqa: PLR0913 - whose leases, how they are renewed, and the callbacks
        self,
        client: Redis,
        keys: GroupKeys,
        group: str,
        consumer: str,
        *,
        lease: Lease,
        held: HeldDeliveries,
        lost: OnLost,
        waiting: Waiting,
        known_routes: Knows,
        generation: GenerationOf,
        watermarks: Watermarks,
        incidents: Incidents,
        pauses: PauseWatch | None = None,
        batch: int = 500,
    ) -> None:
        self.tick = lease.seconds / 6
        self.stall = lease.stall
        self._client = client
        self._keys = keys
        self._group = group
        self._consumer = consumer
        self._lease = lease
        self._held = held
        self._lost = lost
        self._waiting = waiting
        self._known_routes = known_routes
        self._generation = generation
        self._saved_generation = ""
        self._watermarks = watermarks
        self._incidents = incidents
        self._pauses = pauses
        self._batch = batch
        self._due = 0.0
        self._outage = OutageTracker("confirming leases of %s", keys.stream, incidents)
        self._has_released = False
        self._longest = lease.milliseconds

    async def open(self) -> None:
        """Start heartbeats; the first one follows at once."""
        await heartbeat_of(self._client).add(self, self._client)
        if self._pauses is not None:
            await heartbeat_of(self._client).add(self._pauses, self._client)
            await self._pauses.wait_until_known()

    async def close(self) -> None:
        """Stop heartbeats, and withdraw this worker's lease."""
        if self._pauses is not None:
            await heartbeat_of(self._client).remove(self._pauses)
        await heartbeat_of(self._client).remove(self)

    # Called in the heartbeat thread.

    def is_due(self, now: float) -> bool:
        """See ``HeartbeatTarget``."""
        if now >= self._due:
            return True
        has_changed = self._has_new_generation() or self._watermarks.has_moved(self._keys, self._group)
        return has_changed and not self._outage.failures

    async def beat(self, client_of: ClientOf, call: CallInLoop, silence: float) -> None:
        """See ``HeartbeatTarget``."""
        client = client_of(self._keys.stream)
        try:
            async with explain_wrong_types(client, self._keys):
                await self._release_unstarted(client, call, silence)
                if time.monotonic() >= self._due or self._has_new_generation():
                    await self._confirm_all(client, call)
                    self._due = time.monotonic() + self._lease.renewal
                await self._watermarks.note(client, self._keys, self._group)
        except LoopIsClosedError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever fails, the next heartbeat may work
            self._outage.record_failure(error)
            self._due = time.monotonic() + self._lease.seconds / 10
        else:
            self._outage.record_success()

    async def leave(self, client_of: ClientOf) -> None:
        """See ``HeartbeatTarget``: other workers do not have to wait for the end of this worker's lease."""
        client, consumer = client_of(self._keys.stream), self._consumer
        try:
            await send_command(client, "HDEL", self._keys.workers, consumer)
            await send_command(client, "HDEL", self._keys.generations, consumer)
        except Exception as error:  # noqa: BLE001 - the worker counts as alive for two more leases at most
            log.debug("could not release the lease of %s; it will expire: %s", consumer, error_line(error))

    def _has_new_generation(self) -> bool:
        return self._generation() != self._saved_generation

    async def _confirm_all(self, client: Redis, call: CallInLoop) -> None:
        held, generation = self._held(), self._generation()
        for key in (self._keys.stream, self._keys.retry):
            entries = [entry for entry in held.items() if entry[1].pending_key == key]
            for start in range(0, len(entries), self._batch):
                await self._confirm(client, call, key, entries[start : start + self._batch])
        if not held:
            await self._confirm(client, call, self._keys.stream, [])  # write this worker's record
        self._saved_generation = generation

    async def _confirm(
        self, client: Redis, call: CallInLoop, key: str, entries: list[tuple[str, Delivery]]
    ) -> None:
        tokens = {delivery.entry_id: (name, delivery, delivery.deliveries) for name, delivery in entries}
        routes = self._known_routes()
        digest = digest_of(routes)
        arguments: list[str | int] = [self._group, self._consumer, self._lease.milliseconds]
        arguments += [digest, self._generation()]
        for entry_id, (_, _, deliveries) in tokens.items():
            arguments += [entry_id, deliveries]
        keys = [key, self._keys.workers, self._keys.routes, self._keys.generations]
        now, lost, deleted, longest, whose, knows_routes = await script("leases/heartbeat").run(
            client, keys, arguments
        )
        claimed_elsewhere = [tokens.pop(text(entry_id)) for entry_id in lost]
        for _, delivery, _ in tokens.values():
            delivery.lease_confirmed_at = now
        report_deleted(self._incidents, self._keys.stream, key, deleted, PENDING)
        if claimed_elsewhere:
            call(lambda: self._lost([(name, deliveries) for name, _, deliveries in claimed_elsewhere]))
        if not knows_routes:
            await send_command(client, "HSET", self._keys.routes, digest, pack_known_routes(routes))
        self._note_longest(longest, text(whose))

    async def _release_unstarted(self, client: Redis, call: CallInLoop, silence: float) -> None:
        """Release unstarted entries, once, if the event loop has not responded for more than a lease."""
        if silence <= self._lease.seconds:
            self._has_released = False
            return
        if self._has_released:
            return
        self._has_released = True
        held, waiting = self._held(), set(self._waiting())
        unstarted = {name: delivery for name, delivery in held.items() if name in waiting}
        if not unstarted:
            return
        log.error(
            "the event loop has not run for %.1f s: %d entries of %s that did not start go to other workers",
            *(silence, len(unstarted), self._keys.stream),
        )
        for key in (self._keys.stream, self._keys.retry):
            await release(client, key, self._group, self._consumer, unstarted.values(), started=False)
        leases = [(name, delivery.deliveries) for name, delivery in unstarted.items()]
        call(lambda: self._lost(leases))

    def _note_longest(self, longest: int, whose: str) -> None:
        """Log, when it changes, that another worker's longer lease delays claims here."""
        if longest != self._longest and longest > self._lease.milliseconds:
            in_force, configured = format_duration(longest / 1000), format_duration(self._lease.seconds)
            template = (
                "the lease in force for the group %s of %s is %s, as long as %s is alive; here it is %s"
            )
            log.info(template, self._group, self._keys.stream, in_force, whose, configured)
        self._longest = longest
