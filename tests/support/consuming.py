"""Helpers that start processors, wait for a condition, and stop them."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from messages import message_of
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.core.processor import RedisStreamProcessor
from streamroute.message import Message

STREAM, GROUP = "bot_events", "notifications"
_TIMEOUT = 40.0  # seconds; far more than any step takes on a busy machine, and less than the usual lease
_NUMBERS = itertools.count(1)

Handler = Callable[[dict[str, Any], Any], Awaitable[Any]]


async def eventually(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Wait until ``condition()``, awaited if it is a coroutine, is true; return its value."""
    async with asyncio.timeout(_TIMEOUT):
        while True:
            value = condition()
            if inspect.isawaitable(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.002)
    raise AssertionError(what)


async def leases_expire(lease: float = 0.02) -> None:
    """Wait until all entries read so far have been idle for longer than a lease of this many seconds.

    Entries of one read may have been delivered in different milliseconds: a claim that is repeated until it
    takes something may take only some of them.
    """
    await asyncio.sleep(lease + 0.01)


async def within_patience(awaitable: Awaitable[Any]) -> Any:
    """Await with a timeout, so that a test fails instead of hanging."""
    async with asyncio.timeout(_TIMEOUT):
        return await awaitable


def processor(storage: Any, callback: Any, **settings: Any) -> RedisStreamProcessor:
    """Return a processor of the tests' stream and group, with short intervals by default."""
    quick = {"poll_interval": 0.01, "claim_interval": 0.01, "ack_delay": 0.001, "grace": 5.0}
    group = settings.pop("group", GROUP)
    consumer = settings.pop("consumer", f"worker-{next(_NUMBERS)}")
    made = RedisStreamProcessor(storage, STREAM, group, consumer, **(quick | settings))
    made.set_message_callback(callback)
    return made


@asynccontextmanager
async def consuming(storage: Any, callback: Any, **settings: Any) -> AsyncIterator[RedisStreamProcessor]:
    """Run a processor inside the block."""
    running = processor(storage, callback, **settings)
    await within_patience(running.start_listening())
    try:
        yield running
    finally:
        await within_patience(running.stop_listening())


def dispatcher_of(*handlers: Handler, event: str = "booked", **settings: Any) -> BotRedisDispatcher:
    """Return a dispatcher that runs these handlers for ``event``."""
    dispatcher = BotRedisDispatcher(**settings)
    dispatcher.setup(None)
    for handler in handlers:
        dispatcher.on_message(event)(handler)
    return dispatcher


def message(payload: dict[str, Any] | None = None, **facts: Any) -> Message:
    """Return a message that collects outcomes."""
    facts = {"id": "1-0", "stream": STREAM, "group": GROUP, "outcomes": [], **facts}
    return message_of({"type": "booked"} if payload is None else payload, **facts)


class Handling:
    """A handler that records its payloads and then runs the given action."""

    def __init__(self, name: str = "note", then: Callable[[dict[str, Any]], Any] | None = None) -> None:
        self.__name__ = self.__qualname__ = name
        self.seen: list[Any] = []
        self._then = then

    async def __call__(self, payload: dict[str, Any], container: Any) -> None:
        self.seen.append(payload)
        result = self._then(payload) if self._then else None
        if inspect.isawaitable(result):
            await result

    def numbers(self) -> list[str]:
        """Return the field ``n`` of every payload, in the order of arrival."""
        return [payload["n"] for payload in self.seen]


def named(handler: Handler, key: str, *formerly: str) -> Handler:
    """Set the handler's route name and its former names."""
    vars(handler).update(route_key=key, formerly=formerly)
    return handler


def failing(error: BaseException | None = None) -> Callable[[dict[str, Any]], Any]:
    """Return an action that raises every time."""

    def fail(payload: dict[str, Any]) -> None:
        raise error or RuntimeError("no luck")

    return fail


def failing_first(times: int = 1, error: BaseException | None = None) -> Callable[[dict[str, Any]], Any]:
    """Return an action that raises the first ``times`` times and then succeeds."""
    left = itertools.count()

    def fail(payload: dict[str, Any]) -> None:
        if next(left) < times:
            raise error or RuntimeError("no luck yet")

    return fail
