"""The container: what every handler gets as its second argument."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO


@dataclass(slots=True)
class Outbox:
    """Stands for a mail service: one line a message."""

    file: TextIO

    def send(self, to: str, text: str) -> None:
        """Write one line, and see to it that it is written."""
        self.file.write(f"{to}: {text}\n")
        self.file.flush()


@dataclass(slots=True)
class Container:
    """The services of the bot."""

    outbox: Outbox


@asynccontextmanager
async def build() -> AsyncIterator[Container]:
    """Open what the handlers need; it is closed when the router has drained."""
    path = Path(os.environ.get("OUTBOX", os.devnull))
    with await asyncio.to_thread(path.open, "a", encoding="utf-8") as file:
        yield Container(Outbox(file))
