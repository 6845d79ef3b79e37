"""The secret of a stream, which authenticates the markers of its retries; workers share it through Redis."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from streamroute.adapters.redis.raw_client import send_command
from streamroute.keys import ReinjectKeys

_SECRET_BYTES: Final = 32
_KNOWN: Final = 10.0  # seconds for which the secret is cached: it may be deleted to rotate it
_MISSING: Final = 1.0  # seconds for which its absence is cached


class RetrySecret:
    """The secret of one stream, created by the first worker that passes a retry to an external scheduler.

    Delete it to rotate it: earlier markers are not trusted any more, and their payloads are handled like new
    messages.
    """

    def __init__(self, client: Redis, stream: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._key = ReinjectKeys.of(stream).secret
        self._clock = clock
        self._known: bytes | None = None
        self._until = 0.0

    async def get(self, *, make: bool) -> bytes | None:
        """Return the secret; if there is none, create it if ``make`` is set, else return None.

        Without ``make``, also returns None if the Redis user may not read it. Raises what redis-py raises.

        Source: https://redis.io/docs/latest/commands/set/
        """
        if self._clock() < self._until and (self._known is not None or not make):
            return self._known
        secret = await (self._create() if make else self._load())
        self._known, self._until = secret, self._clock() + (_MISSING if secret is None else _KNOWN)
        return secret

    async def _create(self) -> bytes:
        while True:
            created = secrets.token_hex(_SECRET_BYTES).encode()
            if await send_command(self._client, "SET", self._key, created, "NX") is not None:
                return created
            stored = await send_command(self._client, "GET", self._key)
            if stored is not None:
                return _as_bytes(stored)

    async def _load(self) -> bytes | None:
        try:
            stored = await send_command(self._client, "GET", self._key)
        except NoPermissionError:
            return None
        return None if stored is None else _as_bytes(stored)


def _as_bytes(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


class RetrySecrets:
    """The secrets of several streams; ``client_of`` returns the client for a key."""

    def __init__(self, client_of: Callable[[str], Redis]) -> None:
        self._client_of = client_of
        self._secrets: dict[str, RetrySecret] = {}

    async def get(self, stream: str, *, make: bool) -> bytes | None:
        """See ``RetrySecret.get``."""
        if stream not in self._secrets:
            self._secrets[stream] = RetrySecret(self._client_of(stream), stream)
        return await self._secrets[stream].get(make=make)
