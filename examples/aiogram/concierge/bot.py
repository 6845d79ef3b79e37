"""The bot: it polls Telegram and runs the routes in one process. ``python -m concierge.bot``."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Final

from aiogram import Bot, Dispatcher, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

import streamroute
from concierge.handlers import Container

ROUTES: Final = Path(__file__).parents[1] / "routes.yaml"

commands = Router()


@commands.message(Command("book"))
async def book(message: Message, command: CommandObject, events: streamroute.Application) -> None:
    """``/book 3``: publish the request; a route answers. An update that comes twice is one event."""
    nights = (command.args or "").strip()
    if not (nights.isascii() and nights.isdigit() and len(nights) <= 2):
        await message.answer("Write /book and the number of nights, 1 to 99")
        return
    chat, request = message.chat.id, f"{message.chat.id}/{message.message_id}"
    data = {"chat": chat, "nights": int(nights)}
    await events.publish("bot_events", "booking.requested", data, id=request)
    await events.publish(
        "bot_events", "booking.reminder", {"chat": chat}, id=f"{request}/reminder", delay="1d"
    )


def dispatcher_of(events: streamroute.Application) -> Dispatcher:
    """Return aiogram's dispatcher, which passes ``events`` to handlers that have this parameter."""
    dispatcher = Dispatcher(events=events)
    dispatcher.include_router(commands)
    return dispatcher


async def main() -> None:
    """Poll until SIGINT or SIGTERM, which aiogram handles; then let handlers of events finish."""
    async with (
        Bot(os.environ["BOT_TOKEN"]) as bot,
        streamroute.open(ROUTES, container=Container(bot)) as events,
    ):
        await events.start()
        await dispatcher_of(events).start_polling(bot)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())
