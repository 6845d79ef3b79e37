"""Misbehaving handlers: they raise unusual exceptions, change their payload, or do not end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn

from effects import deliveries_of, write
from misbehaving import ALL, BIG
from streamroute import Reject

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDS: Mapping[str, type[BaseException]] = {
    error.__name__: error
    for error in (GeneratorExit, SystemExit, KeyboardInterrupt, asyncio.CancelledError, BaseException)
}
"""Exceptions that usually end a coroutine or a process, by name."""


async def raise_later(payload: dict[str, Any]) -> NoReturn:
    """Raise the exception that the message names, after its wait."""
    await asyncio.sleep(0)
    make = ALL[payload["odd"]]
    raise make()


def raise_in_thread(payload: dict[str, Any]) -> NoReturn:
    """Do the same in a thread."""
    make = ALL[payload["odd"]]
    raise make()


def end(payload: dict[str, Any]) -> NoReturn:
    """Raise, in a thread, an exception that usually ends a coroutine or a process."""
    raise ENDS[payload["ends"]](f"order {payload['n']}")


async def shout(payload: dict[str, Any]) -> NoReturn:
    """Fail with a text of 10 MB, a different one each time."""
    raise ValueError(f"{BIG}{payload['n']}")


async def refuse(payload: dict[str, Any]) -> NoReturn:
    """Fail permanently, always with the same text."""
    raise Reject("the shop is closed")


async def spoil(payload: dict[str, Any]) -> None:
    """Change the message in every way."""
    write("start", "spoil", payload)
    write("done", "spoil", payload)
    payload["twice"] = -1
    payload["guest"]["tier"] = "none"
    del payload["guest"]["name"]


async def expect_intact(payload: dict[str, Any], *, route: str) -> None:
    """Take effect if the message is as it was sent."""
    write("start", route, payload)
    if payload["twice"] != 2 * payload["half"] or payload["guest"] != {"tier": "gold", "name": "Ada"}:
        write("fail", route, payload)
        raise Reject("it was changed")
    write("done", route, payload)


async def cling(payload: dict[str, Any]) -> None:
    """Ignore every cancellation at the first delivery, and take effect at the next."""
    write("start", "cling", payload)
    while deliveries_of(payload) == 1:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue
    write("done", "cling", payload)


async def take(payload: dict[str, Any], *, route: str) -> None:
    """Take effect at once."""
    write("start", route, payload)
    write("done", route, payload)


async def aside(payload: dict[str, Any]) -> None:
    """Take effect in one of many streams, whose entries may share ids."""
    write("done", f"aside {payload['n']}", payload)
