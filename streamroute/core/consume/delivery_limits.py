"""Delivery limits: an entry that was delivered before may have killed its worker.

A crash costs one delivery of every entry that the worker held. The fewer deliveries entries have left, the
fewer of them are held at once, so that crashes bring few harmless entries to their last delivery. On its
last delivery an entry runs alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from streamroute.message import Message
from streamroute.values import Quotas

_SHARES: Final = {1: 8, 2: 2}
"""The divisor of the share of workers they may occupy, by the deliveries left after the current one."""


class DeliveryLimits:
    """How many entries may be held at each delivery number; ``last`` is the last one.

    ``concurrency`` may be set at any time.
    """

    def __init__(self, last: int, concurrency: int) -> None:
        self.last = last
        self.concurrency = concurrency

    def quotas(self, held: Iterable[dict[str, Any]]) -> Quotas:
        """Return what may be claimed in addition to ``held``: no entries before their last delivery."""
        counts = Counter(payload.delivery.deliveries for payload in held if isinstance(payload, Message))
        limits = {
            self.last - remaining: max(1, self.concurrency // share) for remaining, share in _SHARES.items()
        }
        by_delivery = {
            delivery: max(0, limit - counts[delivery]) for delivery, limit in limits.items() if delivery > 1
        }
        if self.last > 1:
            by_delivery[self.last] = 0
        return Quotas(self.last, by_delivery)

    def one_last_delivery(self) -> Quotas:
        """Return quotas that allow claiming only one entry, before its last delivery."""
        return Quotas(self.last, {self.last: 1}, others=0)

    def is_last_delivery(self, payload: dict[str, Any]) -> bool:
        """Whether this is the entry's last delivery, after earlier ones without an outcome."""
        return isinstance(payload, Message) and 1 < payload.delivery.deliveries == self.last
