"""Tests without a server and without Telegram: ``pip install pytest-asyncio``, then ``pytest``."""

from __future__ import annotations

from typing import Any

import pytest
from aiogram.exceptions import TelegramForbiddenError, TelegramRetryAfter
from aiogram.methods import SendMessage

from concierge.bot import ROUTES
from concierge.handlers import Container
from streamroute.testing import TestApp

METHOD = SendMessage(chat_id=7, text="")


class FakeBot:
    """Records what is sent, after these failures."""

    def __init__(self, *failures: Exception) -> None:
        self.sent: list[tuple[int, str]] = []
        self._failures = list(failures)

    async def send_message(self, chat: int, text: str) -> None:
        """Send, or fail."""
        if self._failures:
            raise self._failures.pop(0)
        self.sent.append((chat, text))


def routes(bot: Any) -> TestApp:
    """The routes in memory, with time under the test's control."""
    return TestApp(ROUTES, container=Container(bot))


@pytest.mark.asyncio
async def test_a_long_stay_is_offered_a_transfer() -> None:
    """The filter of the second route."""
    bot = FakeBot()
    async with routes(bot) as t:
        await t.publish("bot_events", "booking.requested", {"chat": 7, "nights": 9})
        await t.settled()
    assert bot.sent == [(7, "9 nights: booked"), (7, "Shall we pick you up?")]


@pytest.mark.asyncio
async def test_a_reminder_is_sent_the_next_day() -> None:
    """An event with a delay."""
    bot = FakeBot()
    async with routes(bot) as t:
        await t.publish("bot_events", "booking.reminder", {"chat": 7}, delay="1d")
        await t.advance("23h")
        assert bot.sent == []
        await t.advance("1h")
    assert bot.sent == [(7, "See you tomorrow!")]


@pytest.mark.asyncio
async def test_telegram_is_asked_again_when_it_says_so() -> None:
    """The handler's Retry overrules the delay of the route's policy."""
    bot = FakeBot(TelegramRetryAfter(METHOD, "too many requests", retry_after=40))
    async with routes(bot) as t:
        await t.publish("bot_events", "booking.reminder", {"chat": 7})
        await t.advance("39s")
        assert bot.sent == []
        await t.advance("1s")
        t.assert_handled("remind", times=1)


@pytest.mark.asyncio
async def test_a_guest_who_blocked_the_bot_is_a_dead_letter() -> None:
    """The handler's Reject."""
    async with routes(FakeBot(TelegramForbiddenError(METHOD, "blocked"))) as t:
        await t.publish("bot_events", "booking.reminder", {"chat": 7})
        await t.settled()
        assert [letter.route for letter in t.dead_letters] == ["remind"]
