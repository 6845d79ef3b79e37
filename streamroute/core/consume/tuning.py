"""Tuning: the waits and bounds of a consumer that are no setting of a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from streamroute.outages import BACKOFF, Backoff


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """Waits of a consumer, in seconds, and a bound: the defaults suit every deployment."""

    backoff: Backoff = BACKOFF
    """Before a failed call to the storage is repeated."""
    first_claim: float = 1.0
    """For the first claim, before new entries are read."""
    last_deliveries_every: float = 1.0
    """Between checks for entries before their last delivery."""
    promote_every: float = 5.0
    """Between promotions while retries wait; a worker that scheduled another may be dead."""
    promote_idle: float = 15.0
    """The same while none waits; the entries of a dead worker wait no longer than this."""
    read_patience: float = 5.0
    """For a read in flight when the consumer stops."""
    last_delivery_patience: float = 5.0
    """For other entries to end before a last delivery; at most a quarter of a lease."""
    longest_alone: float = 10.0
    """While a last delivery runs alone; at most a lease."""
    flush: float = 2.0
    """To settle finished entries around a last delivery."""
    settle_patience: float = 5.0
    """To write the last outcomes when the consumer stops."""
    max_unsettled: int = 1024
    """Finished entries that may wait for their settlement before reading stops."""


TUNING: Final = Tuning()
