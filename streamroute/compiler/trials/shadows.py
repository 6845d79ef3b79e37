"""Shadows: routes that only watch. Their filter and transform run on live messages and are counted.

A shadow sees each new message of its types once, at its first delivery, after validation and before any
route runs. Whatever it does, the message goes on as if it were not there: its handler never runs, it writes
no retry, dead letter or dedupe key, and its types are not listed by it, so that ``unknown_type`` still
applies to a type that only a shadow names.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from streamroute.core.observer import Observer, Result
from streamroute.errors import Reject
from streamroute.expressions.filters import FilterError, compile_filter, failure_text
from streamroute.expressions.transforms import compile_transform
from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.message import Message

if TYPE_CHECKING:
    from streamroute.config.document import RouteConfig
    from streamroute.core.consume.entry_starter import MessageCallback

log = logging.getLogger(__name__)


class Shadow:
    """One shadow route, as it watches messages."""

    def __init__(self, route: RouteConfig) -> None:
        self.name = route.name
        self._accepts = None if route.filter is None else compile_filter(route.filter)
        self._transform = None if route.transform is None else compile_transform(route.transform)
        self._warned: set[Result] = set()

    def watch(self, payload: dict[str, Any]) -> Result:
        """Return what the route would do with a message; never raises."""
        try:
            if self._accepts is not None and not self._accepts(payload):
                return Result.SHADOW_NOT_MATCHED
        except BaseException as error:  # noqa: BLE001 - a shadow must not disturb the message
            return self._failed(Result.SHADOW_FILTER_ERROR, error)
        try:
            if self._transform is not None:
                self._transform(payload)
        except BaseException as error:  # noqa: BLE001 - as above
            return self._failed(Result.SHADOW_TRANSFORM_ERROR, error)
        return Result.SHADOW_MATCHED

    def _failed(self, result: Result, error: BaseException) -> Result:
        if result not in self._warned:
            self._warned.add(result)
            text = str(error) if type(error) in (FilterError, Reject) else failure_text(error)
            log.warning("shadow route %s: %s (logged once)", self.name, text, extra=NEVER_COALESCED)
        return result


class ShadowedCallback:
    """Lets shadows watch each new message, then passes it on to ``process``."""

    def __init__(self, process: MessageCallback, routes: Iterable[RouteConfig], observer: Observer) -> None:
        self._process = process
        self._observe = observer
        self._by_type: dict[str, list[Shadow]] = {}
        for route in routes:
            shadow = Shadow(route)
            for message_type in dict.fromkeys(route.types):
                self._by_type.setdefault(message_type, []).append(shadow)

    def process_message(self, payload: Any) -> Awaitable[None] | None:
        """Watch a message if it is new, and process it."""
        message_type = payload.get("type")
        if type(message_type) is str and message_type in self._by_type and _is_first_delivery(payload):
            for shadow in self._by_type[message_type]:
                self._observe(payload, shadow.name, shadow.watch(payload))
        return self._process(payload)


def _is_first_delivery(payload: Mapping[str, Any]) -> bool:
    """Whether the message is delivered for the first time; a plain payload always is."""
    if not isinstance(payload, Message):
        return True
    is_new = payload.attempt == 1 and not payload.routes and payload.deliveries == 1
    return is_new and not payload.is_stored_retry
