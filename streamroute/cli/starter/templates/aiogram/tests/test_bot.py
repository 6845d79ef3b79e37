"""The bot's commands publish events; updates are made here, and nothing is sent to Telegram."""

from datetime import UTC, datetime
from pathlib import Path

from aiogram import Bot
from aiogram.types import Chat, Message, Update, User
from streamroute.testing import TestApp

from greetings.bot import dispatcher

ROUTES = Path(__file__).parents[1] / "routes.yaml"


async def test_the_command_start_is_an_event() -> None:
    message = Message(
        message_id=1,
        date=datetime.now(UTC),
        chat=Chat(id=7, type="private"),
        from_user=User(id=7, is_bot=False, first_name="Ada"),
        text="/start",
    )
    async with TestApp(ROUTES, handlers={"welcome": lambda payload: None}) as events:
        update = Update(update_id=1, message=message)
        await dispatcher().feed_update(Bot("42:TEST"), update, events=events)
        await events.settled()
        events.assert_handled("welcome", times=1)
