"""A bot that publishes events; the same process consumes them.

Start it by `python -m greetings.bot`, with the bot's token in BOT_TOKEN.
"""

import asyncio
import os
import sys
from pathlib import Path

import streamroute
from aiogram import Bot, Dispatcher, Router
from aiogram.filters import CommandStart
from aiogram.types import Message

from greetings.services import Services

ROUTES = Path(__file__).parents[1] / "routes.yaml"


def dispatcher() -> Dispatcher:
    router = Router()
    router.message.register(start, CommandStart())
    root = Dispatcher()
    root.include_router(router)
    return root


async def start(message: Message, events: streamroute.Application) -> None:
    """Publish that somebody started the bot."""
    name = message.from_user.full_name if message.from_user else "stranger"
    await events.publish("events", "user.started", {"chat": message.chat.id, "name": name})


async def main() -> None:
    token = os.environ.get("BOT_TOKEN")
    if not token:
        sys.exit("set BOT_TOKEN to the token of your bot, which @BotFather gives")
    async with (
        Bot(token) as bot,
        streamroute.open(ROUTES, container=Services(bot), reload=True) as events,
    ):
        await events.start()
        # The session is closed after the events: their handlers may send messages until they end.
        await dispatcher().start_polling(bot, events=events, close_bot_session=False)


if __name__ == "__main__":
    asyncio.run(main())
