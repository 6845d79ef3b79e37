"""Checks the types of a group's keys: an error names a key that is used otherwise, and the remedy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_command
from streamroute.adapters.redis.replies import text
from streamroute.errors import SetupError
from streamroute.keys import GroupKeys


async def require_key_types(redis: RedisConnection, keys: GroupKeys) -> None:
    """Raise SetupError if one of the group's keys has the wrong type.

    Raises RedisUnavailableError if Redis cannot be reached.

    Source: https://redis.io/docs/latest/commands/type/
    """
    with translate_errors(redis, f"consuming {keys.stream}"):
        await _require(raw_client(redis.client, keys.stream), keys)


async def _require(client: Redis, keys: GroupKeys, strings: Iterable[str] = ()) -> None:
    for key, expected in {**_expected_types(keys), **dict.fromkeys(strings, "string")}.items():
        found = text(await send_command(client, "TYPE", key))
        if found not in (expected, "none"):
            message = f"the key {key} is a {found}, and streamroute needs a {expected} there"
            raise SetupError(f"{message}; {_hint(keys, key)}")


@asynccontextmanager
async def explain_wrong_types(
    client: Redis, keys: GroupKeys, strings: Iterable[str] = ()
) -> AsyncIterator[None]:
    """Replace the server's WRONGTYPE, which does not name the key, with a SetupError that does.

    ``strings`` are further keys that the block uses, which must be strings.
    """
    try:
        yield
    except ResponseError as error:
        if "WRONGTYPE" in str(error):
            await _require(client, keys, strings)
        raise


def _expected_types(keys: GroupKeys) -> Mapping[str, str]:
    streams = dict.fromkeys((keys.stream, keys.retry, keys.dead), "stream")
    hashes = dict.fromkeys((keys.delayed, keys.meta, keys.workers, keys.routes, keys.generations), "hash")
    return {**streams, **hashes, keys.due: "zset"}


def _hint(keys: GroupKeys, key: str) -> str:
    if key == keys.stream:
        return "give the stream another name in routes.yaml, or rename that key"
    if key == keys.dead:
        return "rename or delete it, or name another stream under dead_letter"
    return "rename or delete it"
