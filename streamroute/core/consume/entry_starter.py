"""Start a held entry: pass it to the callback, or dead-letter it at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from streamroute.core.dispatch.outcomes import refuse_message
from streamroute.core.observer import Observer
from streamroute.message import Message
from streamroute.system.forked import PROCESS, exit_if_forked

MessageCallback = Callable[[dict[str, Any]], Awaitable[None] | None]
"""``async (payload)``: if it returns, the entry is acknowledged; if it raises, the entry stays pending.

A plain function that returns None has handled the payload already, in the same way."""


class EntryStarter:
    """Starts the entries of one consumer; ``callback`` must be set before."""

    def __init__(self, last_delivery: int, observe: Observer) -> None:
        self.callback: MessageCallback | None = None
        self._last_delivery = last_delivery
        self._observe = observe

    def start(self, _entry_id: str, payload: dict[str, Any]) -> Awaitable[None] | None:
        """Start one entry, or dead-letter it if it could not be decoded or was delivered too often."""
        if (
            isinstance(payload, Message)
            and (payload.decode_error is not None or payload.delivery.deliveries > self._last_delivery)
            and payload.delivery.outcomes is not None
        ):
            return self._dead_letter(payload)
        callback = self.callback
        assert callback is not None  # noqa: S101 - the processor has made sure of it
        if PROCESS.is_copy:
            exit_if_forked()
        return callback(payload)

    async def _dead_letter(self, message: Message) -> None:
        """Set a dead letter as the outcome of an entry that must not be handled."""
        if message.decode_error is not None:
            reason = message.decode_error
        else:
            reason = (
                f"delivered {message.delivery.deliveries - 1} times without an outcome: "
                "its workers died or were stopped while it ran"
            )
        refuse_message(message, reason, self._observe)
