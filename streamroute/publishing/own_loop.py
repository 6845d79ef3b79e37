"""The event loop that something with connections belongs to."""

from __future__ import annotations

import asyncio

from streamroute.errors import SetupError


class OwnLoop:
    """The running event loop, in which ``name`` was opened: another one cannot use its connections."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop = asyncio.get_running_loop()

    def require(self) -> None:
        """Raise SetupError in any other event loop."""
        if asyncio.get_running_loop() is not self._loop:
            raise SetupError(f"{self._name} was opened in another event loop; open it in this one")
