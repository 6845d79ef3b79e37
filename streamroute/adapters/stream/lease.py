"""The lease of one stream: how long an entry belongs to its consumer without a sign of life."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT_STALL: Final = 5
"""Leases after which a silent event loop loses its entries, unless the configuration says otherwise."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One value, shared by the storage, its coordinators and its lease keepers.

    ``seconds``
        after which other workers may claim an entry of a silent consumer.
    ``stall``
        seconds after which an event loop that does not respond loses all its entries.
    """

    seconds: float
    stall: float

    @classmethod
    def of(cls, seconds: float, stall: float | None) -> Lease:
        """Return a lease; without ``stall``, an event loop may be silent for five leases."""
        return cls(seconds, DEFAULT_STALL * seconds if stall is None else stall)

    @property
    def milliseconds(self) -> int:
        """The lease as the scripts take it."""
        return int(self.seconds * 1000)
