"""The example with aiogram, without a network: its commands publish, its routes send."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

import streamroute
from consuming import eventually
from example_projects import importable_example

aiogram = pytest.importorskip("aiogram", reason="aiogram is not installed: pip install aiogram")

TOKEN = "42:of-no-account"
CHAT = 7


def session(*failures: Exception) -> Any:
    """aiogram's session in the place of its network: it records what is sent, after these failures."""

    base: Any = aiogram.client.session.base.BaseSession

    class Recorded(base):  # type: ignore[misc]  # aiogram is not installed where types are checked
        def __init__(self) -> None:
            super().__init__()
            self.sent: list[tuple[int, str]] = []
            self.failures = list(failures)

        async def make_request(self, bot: Any, method: Any, **_settings: Any) -> Any:
            if self.failures:
                raise self.failures.pop(0)
            self.sent.append((method.chat_id, method.text))
            return message(method.text)

        async def stream_content(self, *args: Any, **settings: Any) -> Any:
            raise NotImplementedError

        async def close(self) -> None: ...

    return Recorded()


def message(text: str, number: int = 1) -> Any:
    """A message of the guest."""
    types = aiogram.types
    chat = types.Chat(id=CHAT, type="private")
    guest = types.User(id=CHAT, is_bot=False, first_name="Ann")
    return types.Message(message_id=number, date=datetime.now(UTC), chat=chat, from_user=guest, text=text)


@pytest.fixture
def example(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with importable_example("aiogram", redis_url, monkeypatch) as folder:
        yield folder


@asynccontextmanager
async def polling(example: Path, network: Any) -> AsyncIterator[Any]:
    """``await write(text)`` is a message of the guest that the bot has polled."""
    module = importlib.import_module("concierge.bot")
    container = importlib.import_module("concierge.handlers").Container
    bot = aiogram.Bot(TOKEN, session=network)
    module.commands._parent_router = None  # each test has a dispatcher of its own
    async with streamroute.open(example, container=container(bot)) as events:
        await events.start()
        dispatcher = module.dispatcher_of(events)

        async def write(text: str, number: int = 1) -> None:
            await dispatcher.feed_update(
                bot, aiogram.types.Update(update_id=1, message=message(text, number))
            )

        yield write


async def test_a_command_is_published_and_answered_by_the_routes(example: Path) -> None:
    network = session()
    async with polling(example, network) as write:
        await write("/book 9")
        await eventually(lambda: len(network.sent) == 2)
    assert network.sent == [(CHAT, "9 nights: booked"), (CHAT, "Shall we pick you up?")]


async def test_an_update_that_comes_twice_is_one_event(example: Path, redis_client: Redis) -> None:
    network = session()
    async with polling(example, network) as write:
        for _ in range(2):
            await write("/book 3")
        await write("/book 4", number=2)
        await eventually(lambda: len(network.sent) == 2)
    assert network.sent == [(CHAT, "3 nights: booked"), (CHAT, "4 nights: booked")]


@pytest.mark.parametrize("text", ["/book", "/book x", "/book -1", "/book 100", "/book ²"])
async def test_what_is_no_number_of_nights_is_answered_at_once(
    example: Path, redis_client: Redis, text: str
) -> None:
    network = session()
    async with polling(example, network) as write:
        await write(text)
    assert network.sent == [(CHAT, "Write /book and the number of nights, 1 to 99")]
    assert await redis_client.xlen("bot_events") == 0


async def test_events_of_other_producers_are_handled(example: Path) -> None:
    network = session()
    async with polling(example, network), streamroute.Publisher(example) as publisher:
        await publisher.publish("bot_events", "booking.reminder", {"chat": CHAT})
        await eventually(lambda: network.sent)
    assert network.sent == [(CHAT, "See you tomorrow!")]


async def test_a_guest_who_blocked_the_bot_is_a_dead_letter(example: Path, redis_client: Redis) -> None:
    method = aiogram.methods.SendMessage(chat_id=CHAT, text="x")
    network = session(aiogram.exceptions.TelegramForbiddenError(method, "blocked by the user"))
    async with polling(example, network), streamroute.Publisher(example) as publisher:
        await publisher.publish("bot_events", "booking.reminder", {"chat": CHAT})
        await eventually(lambda: redis_client.xlen("{bot_events}:concierge:dead"))
    assert network.sent == []


async def test_telegrams_pace_is_kept(example: Path) -> None:
    method = aiogram.methods.SendMessage(chat_id=CHAT, text="x")
    network = session(aiogram.exceptions.TelegramRetryAfter(method, "flood", retry_after=0))
    async with polling(example, network), streamroute.Publisher(example) as publisher:
        await publisher.publish("bot_events", "booking.reminder", {"chat": CHAT})
        await eventually(lambda: network.sent)
