"""A consumer: its identity and its settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from streamroute.core.consume.pool.key_ordering import KeyOf
from streamroute.core.consume.tuning import TUNING, Tuning
from streamroute.values import Lease


class ConsumerId(NamedTuple):
    """A stream, its consumer group, and the consumer's name in the group."""

    stream: str
    group: str
    consumer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerSettings:
    """The settings of a consumer; the times that are numbers are in seconds."""

    batch_count: int
    concurrency: int
    max_deliveries: int
    lease: Lease
    grace: float
    ack_delay: float
    prefetch: float | None = None
    order_by: KeyOf | None = None
    poll_interval: float = 1.0
    claim_interval: float = 5.0
    tuning: Tuning = TUNING
