"""Translates errors of redis-py and of the network into errors of streamroute."""

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
    """Replace errors of redis-py raised within the block.

    ``doing`` completes the message "... failed". Raises RedisUnavailableError for transient errors (no
    connection, out of memory, a replica), SetupError for errors that need a change (wrong key type, missing
    permission).
    """
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise to_domain_error(error, redis, doing) from error


def to_domain_error(error: Exception, redis: RedisConnection, doing: str) -> StreamrouteError:
    """Convert an error of redis-py into an error of streamroute."""
    if isinstance(error, _TRANSIENT) or str(error).startswith(_TRANSIENT_CODES):
        return unavailable_error(error, redis.address)
    if isinstance(error, exceptions.MovedError):
        return SetupError(
            f"Redis at {redis.address} is a node of a cluster; write redis+cluster:// in its URL"
        )
    reason = " ".join(redact_server_error(safe_str(error)).split())
    advice = "; change the user's ACL" if isinstance(error, exceptions.NoPermissionError) else ""
    return SetupError(f"{doing} failed, Redis at {redis.address} refuses it: {reason}{advice}")
