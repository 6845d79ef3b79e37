"""Running watch: since when each running entry is in its route, found by looking every two seconds.

The dispatcher records only the route's name: a time for each message would cost every message.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from streamroute.adapters.snapshots.worker_snapshot import RunningEntry

if TYPE_CHECKING:
    from streamroute.delivery import Delivery
    from streamroute.message import Message


class RunningWatch:
    """Remembers what ran at the last look on one stream."""

    def __init__(self) -> None:
        self._since: dict[Delivery, tuple[str | None, float]] = {}

    def look(self, running: Iterable[Message], now: float) -> tuple[RunningEntry, ...]:
        """Return the running entries; ``now`` is monotonic, in seconds.

        The event loop may change a message meanwhile: what is read here is its state now, or just before.
        """
        earlier, self._since = self._since, {}
        entries = []
        for message in running:
            delivery = message.delivery
            route = delivery.running_route
            known = earlier.get(delivery)
            since = known[1] if known is not None and known[0] == route else now
            self._since[delivery] = route, since
            entries.append(
                RunningEntry(
                    entry_id=delivery.entry_id,
                    message_id=message.id,
                    route=route,
                    seconds=now - since,
                    attempt=message.attempt,
                    is_retry=message.is_stored_retry,
                )
            )
        return tuple(entries)
