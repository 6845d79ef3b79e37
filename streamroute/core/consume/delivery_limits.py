"""Delivery limits: an entry that was delivered before may have killed its worker.

A crash spends a delivery of everything that its worker held. The nearer entries are to their last delivery,
the fewer of them are held at once, so that few harmless entries get there however often workers are killed.
On its last delivery an entry runs alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from streamroute.message import Message
from streamroute.values import Quotas

_SHARES: Final = {1: 8, 2: 2}
"""By the deliveries that an entry has left after this one: the fraction of the workers that they may have."""


class DeliveryLimits:
    """How many entries may be held at each of their deliveries, of which there are at most ``last``."""

    def __init__(self, last: int, concurrency: int) -> None:
        self.last = last
        self._concurrency = concurrency

    def quotas(self, held: Iterable[dict[str, Any]]) -> Quotas:
        """What may be claimed beside ``held``; entries before their last delivery may not."""
        counts = Counter(payload.deliveries for payload in held if isinstance(payload, Message))
        limits = {self.last - left: max(1, self._concurrency // share) for left, share in _SHARES.items()}
        by_delivery = {
            delivery: max(0, limit - counts[delivery]) for delivery, limit in limits.items() if delivery > 1
        }
        if self.last > 1:
            by_delivery[self.last] = 0
        return Quotas(self.last, by_delivery)

    def one_last_delivery(self) -> Quotas:
        """Quotas for a claim of one entry before its last delivery, and of nothing else."""
        return Quotas(self.last, {self.last: 1}, others=0)

    def is_last_delivery(self, payload: dict[str, Any]) -> bool:
        """Whether this is an entry's last delivery, after others that had no outcome."""
        return isinstance(payload, Message) and 1 < payload.deliveries == self.last
