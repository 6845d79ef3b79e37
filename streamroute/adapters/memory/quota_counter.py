"""Counts what one claim takes of each delivery number."""

from __future__ import annotations

from streamroute.values import Quotas


class QuotaCounter:
    """What a claim may still take; ``held_back`` and ``last_deliveries`` count what it left behind."""

    def __init__(self, quotas: Quotas) -> None:
        self._left = dict(quotas.by_delivery)
        self._others = quotas.others
        self._last = quotas.last
        self.held_back = 0
        self.last_deliveries = 0

    def is_allowed(self, delivery: int) -> bool:
        """Count one more entry at this delivery; returns whether it may be claimed."""
        left = self._left.get(delivery, self._others)
        if left is None:
            return True
        if left > 0:
            self._left[delivery] = left - 1
            return True
        self.held_back += 1
        self.last_deliveries += delivery == self._last
        return False
