"""Lua scripts: each runs atomically on the server, and is called by its digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ResponseError

from streamroute.adapters.redis.raw_client import send_command, send_each
from streamroute.text.safe_text import safe_str

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_SUFFIX: Final = ".lua"
_PARTS: Final = "parts"
_INCLUDE: Final = re.compile(r"^-- include (\w+)\n", re.MULTILINE)
"""A line of a script that stands for the text of a file in ``streamroute/adapters/lua/parts``."""

_WHERE: Final = re.compile(r",? script: .*$")

Argument = str | bytes | int
Call = tuple[Sequence[str], Sequence[Argument]]
"""Keys and arguments of one script run."""


class LuaScript:
    """A script in ``streamroute/adapters/lua``, or in a folder of it.

    Sends the text if the server does not know the digest (after a restart, a failover or SCRIPT FLUSH).
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, client: Redis, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Run the script once; raises what redis-py raises."""
        try:
            return await send_command(client, "EVALSHA", self.digest, len(keys), *keys, *arguments)
        except NoScriptError:
            return await send_command(client, "EVAL", self.text, len(keys), *keys, *arguments)

    async def run_each(self, client: Redis, calls: Sequence[Call]) -> list[Any]:
        """Run the script once for each call, in one round trip; an answer may be an exception.

        Raises what redis-py raises if the server cannot be reached.
        """
        commands = [("EVALSHA", self.digest, len(keys), *keys, *arguments) for keys, arguments in calls]
        answers = await send_each(client, commands)
        for index, (keys, arguments) in enumerate(calls):
            if isinstance(answers[index], NoScriptError):
                answers[index] = await self._answer(client, keys, arguments)
        return answers

    async def _answer(self, client: Redis, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        try:
            return await self.run(client, keys, arguments)
        except ResponseError as error:
            return error


def script_error_text(error: Exception) -> str:
    """Return the text of a script's error, without the position in the script."""
    return _WHERE.sub("", " ".join(safe_str(error).split())).removeprefix("WRONGTYPE ")


def script(name: str) -> LuaScript:
    """Return the script of this name, such as ``settle`` or ``dead_letters/requeue``."""
    return _scripts()[name]


@cache
def _scripts() -> Mapping[str, LuaScript]:
    """Return all scripts by name; the first call reads every file.

    Later, an upgrade may replace the files, or a handler that leaks file descriptors may make opening one
    fail: entries must still be settled.
    """
    folder = resources.files("streamroute.adapters.lua")
    parts = _texts(folder / _PARTS)
    texts = _texts(folder)
    for room in folder.iterdir():
        if room.is_dir() and room.name != _PARTS:
            texts |= {f"{room.name}/{name}": text for name, text in _texts(room).items()}
    return {name: LuaScript(_INCLUDE.sub(lambda line: parts[line[1]], text)) for name, text in texts.items()}


def _texts(folder: Traversable) -> dict[str, str]:
    """Return the text of each Lua file in a folder, by its name."""
    files = (file for file in folder.iterdir() if file.name.endswith(_SUFFIX))
    return {file.name.removesuffix(_SUFFIX): file.read_text("utf-8") for file in files}
