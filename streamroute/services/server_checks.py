"""What is checked on the server before a stream is consumed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from streamroute.adapters.groups.acl_check import require_permissions
from streamroute.adapters.groups.key_type_check import require_key_types
from streamroute.adapters.redis.errors import translate_errors
from streamroute.errors import RedisUnavailableError
from streamroute.keys import GroupKeys

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.services.service import Service


async def require_usable_keys(redis: RedisConnection, service: Service) -> None:
    """Raise SetupError if the user lacks a right, or a key has another type.

    If the server is unreachable now, the consumer's start retries and reports it.
    """
    stream = service.config
    keys = GroupKeys.of(stream.name, stream.group, stream.dead_letter)
    with suppress(RedisUnavailableError):
        await require_permissions(redis, keys)
        await require_key_types(redis, keys)


async def create_group(redis: RedisConnection, service: Service) -> None:
    """Create the group of a stream that will be consumed. Raises SetupError if the server refuses it.

    A group that takes over the entries of another is created when its consumer starts, not before. If the
    server is unreachable now, the consumer's start creates it.
    """
    stream = service.config
    if stream.formerly_group is None:
        with suppress(RedisUnavailableError), translate_errors(redis, f"consuming {stream.name}"):
            await service.storage.create_group(stream.name, stream.group)
