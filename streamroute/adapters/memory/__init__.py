"""The storage in memory, with the promises of the one on Redis. Knows no client of Redis."""

from streamroute.adapters.memory.retry_scheduler import MemoryRetryScheduler
from streamroute.adapters.memory.storage import MemoryStreamStorage

__all__ = ["MemoryRetryScheduler", "MemoryStreamStorage"]
