"""The lease of one stream: how long a consumer keeps an entry without a heartbeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT_STALL: Final = 5
"""The default of ``stall``, in leases."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The settings of leases, shared by the storage, its coordinators and its lease keepers.

    ``seconds``
        seconds without a heartbeat after which other workers may claim an entry.
    ``stall``
        seconds without a response of the event loop after which heartbeats stop, so that its leases end.
    """

    seconds: float
    stall: float

    @classmethod
    def of(cls, seconds: float, stall: float | None) -> Lease:
        """Create a lease; the default of ``stall`` is five leases."""
        return cls(seconds, DEFAULT_STALL * seconds if stall is None else stall)

    @property
    def milliseconds(self) -> int:
        """The lease in ms, for the scripts."""
        return int(self.seconds * 1000)
