"""Handlers: functions of the payload and the services. An exception is a failure: it is retried."""

from typing import Any

from greetings.services import Services


async def welcome(payload: dict[str, Any], services: Services) -> None:
    """Greet a user who started the bot."""
    await services.bot.send_message(payload["chat"], f"Welcome, {payload['name']}!")


async def thank(payload: dict[str, Any], services: Services, *, words: str) -> None:
    """Thank for an order; `words` is set under `with:` in routes.yaml."""
    text = f"{words} for order {payload['order']} over {payload['total']}"
    await services.bot.send_message(payload["chat"], text)
