"""What happens to events: handlers send through ``container.bot``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiogram import Bot
from aiogram.exceptions import TelegramForbiddenError, TelegramRetryAfter

import streamroute


@dataclass(slots=True)
class Container:
    """What every handler gets as its second argument: a plain class, no framework."""

    bot: Bot


async def confirm(payload: dict[str, Any], container: Container) -> None:
    """Confirm a booking."""
    await send(payload, container, text=f"{payload['nights']} nights: booked")


async def send(payload: dict[str, Any], container: Container, *, text: str) -> None:
    """Send a text to the guest's chat.

    Any exception is a failure of the route, which its retry policy handles. Two are known better: Telegram
    says when it may be asked again, and it is of no use to write to a guest who has blocked the bot.
    """
    try:
        await container.bot.send_message(payload["chat"], text)
    except TelegramRetryAfter as error:
        raise streamroute.Retry(delay=error.retry_after) from error
    except TelegramForbiddenError as error:
        raise streamroute.Reject("the guest has blocked the bot") from error
