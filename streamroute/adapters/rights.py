"""Rights: a user of Redis who may not do all that consuming needs is found before an entry is read.

Later it would be found halfway through a script: what it has written stays, and it writes it again.
"""

from __future__ import annotations

import re
from typing import Final

from redis.exceptions import NoPermissionError

from streamroute.adapters.connection import Connection
from streamroute.adapters.faults import explained
from streamroute.adapters.scripts import script
from streamroute.adapters.wire import text, unparsed
from streamroute.errors import SetupError
from streamroute.keys import GroupKeys

_NO_KEY: Final = ("access a key", "access at least one of the keys", "keys mentioned")


async def require_rights(redis: Connection, keys: GroupKeys) -> None:
    """Raises SetupError, with what to add to the user's ACL, unless it may consume with these keys.

    Raises RedisUnavailableError while Redis cannot be asked.

    Source: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
    """
    with explained(redis, f"consuming {keys.stream}"):
        missing = await _missing(redis, keys)
    if missing:
        raise SetupError(
            f"the user of Redis at {redis.address} lacks rights to consume {keys.stream}; "
            f"add to its ACL: {' '.join(missing)}"
        )


async def _missing(redis: Connection, keys: GroupKeys) -> list[str]:
    own = f"~{_literal(keys.prefix)}:*"
    patterns = dict.fromkeys((keys.retry, keys.due, keys.delayed, keys.meta), own)
    patterns[keys.stream] = f"~{_literal(keys.stream)}"
    patterns[keys.dead] = own if keys.dead.startswith(f"{keys.prefix}:") else f"~{_literal(keys.dead)}"
    arguments = [f"{keys.prefix}:rights", *(part for pair in patterns.items() for part in pair)]
    try:
        found = await script("rights").run(unparsed(redis.client), [keys.stream], arguments)
    except NoPermissionError as error:
        if not any(words in str(error) for words in _NO_KEY):
            raise
        return [patterns[keys.stream]]
    return [text(right) for right in found]


def _literal(name: str) -> str:
    """A name as a pattern that matches it alone."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", name)
