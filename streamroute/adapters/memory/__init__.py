"""The in-memory storage, with the guarantees of the one on Redis. Opens no connection."""

from streamroute.adapters.memory.retry_scheduler import MemoryRetryScheduler
from streamroute.adapters.memory.storage import MemoryStreamStorage

__all__ = ["MemoryRetryScheduler", "MemoryStreamStorage"]
