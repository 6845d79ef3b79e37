"""RedisRouter: handlers by message type, each with an optional filter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

HandlerFunc = Callable[[dict[str, Any], Any], Awaitable[Any]]
"""``async (payload, container)``: it succeeds if it returns, and fails if it raises."""

FilterFunc = Callable[[dict[str, Any]], bool]
"""``(payload) -> bool``: whether the handler runs for this payload."""

H = TypeVar("H", bound=HandlerFunc)


class RedisRouter:
    """Groups the handlers of a feature by message type, until a dispatcher includes them.

    >>> router = RedisRouter()
    >>> @router.message("booking.confirmed", filter_func=lambda payload: payload["nights"] > 2)
    ... async def thank(payload, container): ...
    """

    def __init__(self) -> None:
        self._handlers: dict[str, list[tuple[HandlerFunc, FilterFunc | None]]] = {}
        self._watchers: list[Callable[[str], None]] = []

    @property
    def handlers(self) -> Mapping[str, list[tuple[HandlerFunc, FilterFunc | None]]]:
        """A live read-only view of the handlers: type -> ``[(handler, filter or None)]``."""
        return MappingProxyType(self._handlers)

    def message(self, message_type: str, filter_func: FilterFunc | None = None) -> Callable[[H], H]:
        """Register the decorated handler for a message type, and return it unchanged."""

        def register(handler: H) -> H:
            self._handlers.setdefault(message_type, []).append((handler, filter_func))
            for tell in self._watchers:
                tell(message_type)
            return handler

        return register

    def watch(self, tell: Callable[[str], None]) -> None:
        """Call ``tell`` with the message type of each handler registered from now on."""
        self._watchers.append(tell)
