"""Checks the permissions of the Redis user, and the commands of the server, before an entry is read.

Otherwise a script may fail halfway: its writes stay, and the next run repeats them.
"""

from __future__ import annotations

import re
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from streamroute.adapters.redis.cluster.client import SlotClient
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.errors import translate_errors
from streamroute.adapters.redis.raw_client import raw_client, send_command
from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import script
from streamroute.errors import SetupError
from streamroute.keys import GroupKeys

_NO_KEY: Final = (
    "access a key",
    "access one of the keys",
    "access at least one of the keys",
    "keys mentioned",
)
_NO_SCRIPTS: Final = re.compile(r"'(eval|evalsha)' command")
_VERSION: Final = re.compile(r"^(redis|valkey)_version:(\S+)", re.MULTILINE)


async def require_permissions(redis: RedisConnection, keys: GroupKeys) -> None:
    """Raise SetupError, with the ACL rules to add, unless the user may consume with these keys.

    Also raises SetupError for a server that lacks commands or options of Redis 6.2, and
    RedisUnavailableError if Redis cannot be reached.

    Source: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
    """
    with translate_errors(redis, f"consuming {keys.stream}"):
        missing, unknown = await _missing(redis, keys)
        version = await _version(raw_client(redis.client, keys.stream)) if unknown else ""
    if unknown:
        raise SetupError(
            f"{version} at {redis.address} is not fit to consume {keys.stream}: it does not know "
            f"{', '.join(unknown)}; streamroute needs Redis 6.2 or newer, or Valkey, with no command disabled"
        )
    if missing:
        raise SetupError(
            f"the user of Redis at {redis.address} lacks rights to consume {keys.stream}; "
            f"add to its ACL: {' '.join(missing)}"
        )


async def _missing(redis: RedisConnection, keys: GroupKeys) -> tuple[list[str], list[str]]:
    """Return the rules to add to the user's ACL, and the commands that the server does not support."""
    own_keys = f"~{_literal(keys.prefix)}:*"
    patterns = dict.fromkeys(
        (keys.retry, keys.due, keys.delayed, keys.meta, keys.workers, keys.routes, keys.generations), own_keys
    )
    patterns[keys.stream] = f"~{_literal(keys.stream)}"
    patterns[keys.dead] = own_keys if keys.dead.startswith(f"{keys.prefix}:") else f"~{_literal(keys.dead)}"
    client = raw_client(redis.client, keys.stream)
    arguments = [f"{keys.prefix}:acl_check", *(part for pair in patterns.items() for part in pair)]
    try:
        found = await script("groups/acl_check").run(client, [keys.stream], arguments)
    except NoPermissionError as error:
        if any(words in str(error) for words in _NO_KEY):
            return [patterns[keys.stream]], []
        if _NO_SCRIPTS.search(str(error)):
            return ["+eval", "+evalsha"], []
        raise
    missing, unknown = ([text(part) for part in parts] for parts in found)
    return missing + await _missing_of_cluster(client), unknown


async def _missing_of_cluster(client: Redis) -> list[str]:
    """Return the permissions that are needed only while a slot migrates."""
    if not isinstance(client, SlotClient):
        return []
    try:
        await send_command(client, "ASKING")
    except NoPermissionError:
        return ["+asking"]
    return []


async def _version(client: Redis) -> str:
    """Return the server's name, and its version if the user may call INFO."""
    try:
        facts = text(await send_command(client, "INFO", "server"))
    except ResponseError:
        return "Redis"
    versions = dict(_VERSION.findall(facts))
    name = "valkey" if "valkey" in versions else "redis"
    return f"{name.title()} {versions.get(name, '')}".strip()


def _literal(name: str) -> str:
    """Escape a name, so that the pattern matches only the name."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", name)
