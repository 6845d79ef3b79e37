"""Counts the entries of each delivery count in one claim."""

from __future__ import annotations

from streamroute.values import Quotas


class QuotaCounter:
    """Tracks the remaining quotas of a claim.

    ``held_back`` counts the entries beyond their quota, ``last_deliveries`` those of them at the maximum
    delivery count.
    """

    def __init__(self, quotas: Quotas) -> None:
        self._left = dict(quotas.by_delivery)
        self._others = quotas.others
        self._last = quotas.last
        self.held_back = 0
        self.last_deliveries = 0

    def is_allowed(self, delivery: int) -> bool:
        """Count one more entry with this delivery count; returns whether it may be claimed."""
        remaining = self._left.get(delivery, self._others)
        if remaining is None:
            return True
        if remaining > 0:
            self._left[delivery] = remaining - 1
            return True
        self.held_back += 1
        self.last_deliveries += delivery == self._last
        return False
