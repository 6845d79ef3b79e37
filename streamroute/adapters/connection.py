"""The old import path of ``streamroute.adapters.redis.connection``, kept for this version."""

from streamroute.adapters.redis.connection import new_client

__all__ = ["new_client"]
