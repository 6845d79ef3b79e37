"""Validates messages when they are started: an invalid one is dead-lettered before any filter or handler.

A validation that may take more than milliseconds runs in a thread, so that the event loop stays responsive.
The entry meanwhile occupies its worker, and its lease is renewed like that of any entry in flight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.compiler.runtime.data_validation import DataValidator, fields_of
from streamroute.compiler.runtime.thread_pool import validation_threads
from streamroute.core.dispatch.outcomes import refuse_message
from streamroute.core.observer import Observer
from streamroute.core.tracing import finished
from streamroute.message import ExpandingMessage, Message, entry_size
from streamroute.system.forked import exit_if_forked

if TYPE_CHECKING:
    from streamroute.compiler.validation.data_check import Check
    from streamroute.core.consume.entry_starter import MessageCallback

_LARGE: Final = 64_000  # bytes of an entry; below, a validation that is linear in them takes milliseconds


class ValidatingDispatcher:
    """Passes valid messages to ``process``; ``observer`` is called with each invalid one."""

    def __init__(self, process: MessageCallback, validator: DataValidator, observer: Observer) -> None:
        self._process = process
        self._validator = validator
        self._observe = observer

    def process_message(self, payload: dict[str, Any]) -> Awaitable[None] | None:
        """Validate a message, then dispatch it; see ``BotRedisDispatcher.process_message``."""
        check = self._validator.check_of(payload)
        if check is None:
            return self._process(payload)
        fields = fields_of(payload)
        if _may_take_long(check, payload):
            return self._validate_in_thread(check, payload, fields)
        reason = self._validator.failed_check(check, payload, fields)
        exit_if_forked()
        return self._process(payload) if reason is None else self._refuse(payload, reason)

    async def _validate_in_thread(
        self, check: Check, payload: dict[str, Any], fields: Mapping[bytes, bytes]
    ) -> None:
        """Cancellation ends the wait at once; the thread ends later, after a limited number of steps."""
        loop, validator = asyncio.get_running_loop(), self._validator
        reason = await loop.run_in_executor(
            validation_threads(), validator.failed_check, check, payload, fields
        )
        exit_if_forked()
        await finished(self._process(payload) if reason is None else self._refuse(payload, reason))

    async def _refuse(self, payload: dict[str, Any], reason: str) -> None:
        if isinstance(payload, Message):
            payload.decode_error = reason
        refuse_message(payload, reason, self._observe)


def _may_take_long(check: Check, payload: dict[str, Any]) -> bool:
    """Whether validating may take more than milliseconds; an expanding payload exceeds its entry's size."""
    if type(payload) is ExpandingMessage or not getattr(check, "is_linear", True):
        return True
    return entry_size(payload) > _LARGE
