"""Faults of a server in words: what redis-py and the network raise, as errors of streamroute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis import exceptions

from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.driver_errors import redact_server_error
from streamroute.adapters.redis.unavailable import unavailable_error
from streamroute.errors import SetupError, StreamrouteError
from streamroute.text.safe_text import safe_str

_TRANSIENT: Final = (
    OSError,
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
    exceptions.TryAgainError,
)
_TRANSIENT_CODES: Final = ("BUSY ", "MISCONF ", "NOREPLICAS ", "UNKILLABLE ")


@contextmanager
def translate_errors(redis: RedisConnection, doing: str) -> Iterator[None]:
    """Say what failed, and where, in place of what redis-py raised within.

    ``doing`` completes "... failed". Raises RedisUnavailableError for what passes without a change of
    the configuration (no connection, out of memory, a replica), SetupError for what does not (a key of
    the wrong type, a missing permission).
    """
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise to_domain_error(error, redis, doing) from error


def to_domain_error(error: Exception, redis: RedisConnection, doing: str) -> StreamrouteError:
    """The error of streamroute that this error of redis-py stands for."""
    if isinstance(error, _TRANSIENT) or str(error).startswith(_TRANSIENT_CODES):
        return unavailable_error(error, redis.address)
    if isinstance(error, exceptions.MovedError):
        return SetupError(
            f"Redis at {redis.address} is a node of a cluster; write redis+cluster:// in its URL"
        )
    reason = " ".join(redact_server_error(safe_str(error)).split())
    advice = "; change the user's ACL" if isinstance(error, exceptions.NoPermissionError) else ""
    return SetupError(f"{doing} failed, Redis at {redis.address} refuses it: {reason}{advice}")
