"""Records the runs of handlers: wraps each handler, as tracing does, and the user's function inside it."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from streamroute.core.cancellation import is_own_cancellation
from streamroute.core.observer import Result
from streamroute.core.tracing import finished
from streamroute.errors import Postpone
from streamroute.message import Message, unshared_copy
from streamroute.testing.recording.handled_message import HandledMessage
from streamroute.testing.time.virtual_clock import IN_BACKGROUND, VirtualClock

if TYPE_CHECKING:
    from streamroute.compiler.checked_route import CheckedRoute
    from streamroute.compiler.compiled import Compiled
    from streamroute.core.router import HandlerFunc
    from streamroute.core.tracing import ProcessMessage, TracedMessage

CURRENT_RUN: Final[ContextVar[HandledMessage | None]] = ContextVar("streamroute_run", default=None)
"""The run of the handler, in its task and in the tasks that it started."""


class Recorder:
    """The runs of all handlers of a test app, in the order in which they started; see ``Tracing``.

    ``running`` are those that have not ended, by their task. ``unmatched`` are messages that no route took.
    ``outcomes`` counts what became of messages, by route and result.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.runs: list[HandledMessage] = []
        self.running: dict[asyncio.Task[Any], HandledMessage] = {}
        self.unmatched: list[Message] = []
        self.outcomes: Counter[tuple[str | None, str]] = Counter()
        self._clock = clock
        self._started: set[int] = set()

    def recorded(self, compiled: Compiled) -> Compiled:
        """Return the configuration with handlers that record what they receive and return."""
        return replace(compiled, routes=tuple(map(_recorded, compiled.routes)))

    def cancel_running(self) -> None:
        """Cancel all runs that have not ended."""
        for task in self.running:
            task.cancel()

    def observe(self, _payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        """Count an outcome; see ``Observer``."""
        self.outcomes[route, str(result)] += 1

    def trace_messages(self, process: ProcessMessage, stream: str) -> TracedMessage:  # noqa: ARG002 - as Tracing has it
        """Wrap the processing of a message: note it if no route takes it."""

        async def processed(message: dict[str, Any]) -> None:
            count = len(self.runs)
            await finished(process(message))
            if isinstance(message, Message) and self._is_unmatched(message, self.runs[count:]):
                self.unmatched.append(message)

        return processed

    @staticmethod
    def _is_unmatched(message: Message, runs: Sequence[HandledMessage]) -> bool:
        """Whether no route took a new message; ``runs`` are those since it was read."""
        if message.routes or message.delivery.outcomes:
            return False
        return all((run.stream, run.id) != (message.stream, message.id) for run in runs)

    def trace_handler(self, run: HandlerFunc, route: str) -> HandlerFunc:
        """Wrap the handler of a route: record its run."""

        async def handler(message: dict[str, Any], container: Any) -> Any:
            record = self._begin(route, message)
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - a handler runs in a task
            self.running[task] = record
            token, background = CURRENT_RUN.set(record), IN_BACKGROUND.set(False)
            try:
                result = await run(message, container)
            except BaseException as error:
                record.result = _result_of(error)
                record.error = error
                raise
            else:
                record.result = "skipped" if result is Result.SKIPPED else "succeeded"
                return result
            finally:
                self.running.pop(task, None)
                CURRENT_RUN.reset(token)
                IN_BACKGROUND.reset(background)

        return handler

    def _begin(self, route: str, payload: Mapping[str, Any]) -> HandledMessage:
        message = payload if isinstance(payload, Message) else Message(payload)
        copied = unshared_copy(dict(message))
        record = HandledMessage(
            route=route,
            stream=message.stream,
            type=str(message.get("type", "")),
            id=message.id,
            attempt=message.attempt,
            deliveries=message.deliveries,
            started=datetime.fromtimestamp(self._clock.wall_time(), UTC),
            message=copied,
            payload=copied,
        )
        self.runs.append(record)
        return record


def _result_of(error: BaseException) -> str:
    if is_own_cancellation(error):
        return "cancelled"
    return "postponed" if issubclass(type(error), Postpone) else "failed"


def _recorded(route: CheckedRoute) -> CheckedRoute:
    call = route.handler_call
    if call is None:
        return route
    wrap = _recorded_async if call.is_async else _recorded_sync
    return route._replace(handler_call=call._replace(function=_named_as(call.function, wrap(call.function))))


def _recorded_async(function: Callable[..., Any]) -> Callable[..., Any]:
    async def recorded(payload: Any, *container: Any, **arguments: Any) -> Any:
        _receive(payload)
        return _return(await function(payload, *container, **arguments))

    return recorded


def _recorded_sync(function: Callable[..., Any]) -> Callable[..., Any]:
    def recorded(payload: Any, *container: Any, **arguments: Any) -> Any:
        _receive(payload)
        return _return(function(payload, *container, **arguments))

    return recorded


def _named_as(function: Callable[..., Any], recorded: Callable[..., Any]) -> Callable[..., Any]:
    """Give the wrapper the attributes that mark a built-in handler."""
    return functools.update_wrapper(recorded, function) if type(function) is FunctionType else recorded


def _receive(payload: Any) -> None:
    record = CURRENT_RUN.get()
    if record is not None and isinstance(payload, dict):
        record.payload = unshared_copy(dict(payload))


def _return(value: Any) -> Any:
    record = CURRENT_RUN.get()
    if record is not None:
        record.returned = value
    return value
