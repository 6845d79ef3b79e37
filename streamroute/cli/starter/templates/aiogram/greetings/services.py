"""What handlers work with: greetings.bot passes it to streamroute.open as the container."""

from dataclasses import dataclass
from typing import Any, Protocol


class Sender(Protocol):
    """The part of aiogram.Bot that the handlers use; a test has its own."""

    async def send_message(self, chat_id: int, text: str) -> Any: ...


@dataclass
class Services:
    bot: Sender
