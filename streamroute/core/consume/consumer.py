"""A consumer: who it is, and how much it handles at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from streamroute.core.consume.key_ordering import KeyOf


class ConsumerId(NamedTuple):
    """A stream, its consumer group, and the consumer's name in it."""

    stream: str
    group: str
    consumer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerSettings:
    """How much a consumer handles at once, how often and for how long; times in seconds."""

    batch_count: int
    concurrency: int
    max_deliveries: int
    lease: float
    grace: float
    ack_delay: float
    prefetch: float | None = None
    order_by: KeyOf | None = None
