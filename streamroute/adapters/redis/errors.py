"""Faults of a server in words: what redis-py and the network raise, as errors of streamroute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis import exceptions

from streamroute.adapters.redis.connection import Connection
from streamroute.adapters.redis.driver_errors import without_words
from streamroute.adapters.redis.unavailable import unavailable
from streamroute.errors import SetupError, StreamrouteError
from streamroute.text.safe_text import safe_str

_PASSING: Final = (
    OSError,
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
    exceptions.TryAgainError,
)
_PASSING_CODES: Final = ("BUSY ", "MISCONF ", "NOREPLICAS ", "UNKILLABLE ")


@contextmanager
def explained(redis: Connection, doing: str) -> Iterator[None]:
    """Say what failed, and where, in place of what redis-py raised within.

    ``doing`` completes "... failed". Raises RedisUnavailableError for what passes without a change of
    the configuration (no connection, out of memory, a replica), SetupError for what does not (a key of
    the wrong type, a missing permission).
    """
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise in_words(error, redis, doing) from error


def in_words(error: Exception, redis: Connection, doing: str) -> StreamrouteError:
    """The error of streamroute that this error of redis-py stands for."""
    if isinstance(error, _PASSING) or str(error).startswith(_PASSING_CODES):
        return unavailable(error, redis.address)
    if isinstance(error, exceptions.MovedError):
        return SetupError(
            f"Redis at {redis.address} is a node of a cluster; write redis+cluster:// in its URL"
        )
    reason = " ".join(without_words(safe_str(error)).split())
    advice = "; change the user's ACL" if isinstance(error, exceptions.NoPermissionError) else ""
    return SetupError(f"{doing} failed, Redis at {redis.address} refuses it: {reason}{advice}")
