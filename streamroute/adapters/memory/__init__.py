"""The storage in memory, with the promises of the one on Redis. Knows no client of Redis."""

from streamroute.adapters.memory.storage import MemoryRetryScheduler, MemoryStreamStorage

__all__ = ["MemoryRetryScheduler", "MemoryStreamStorage"]
