"""TestApp: a configuration that runs in memory, with time under the test's control."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

from streamroute.adapters.memory.server import MemoryServer
from streamroute.core.observer import ObserverSwitch
from streamroute.errors import RouteFailure, SetupError
from streamroute.publishing.event import Event
from streamroute.publishing.event_delay import delay_seconds
from streamroute.testing.driver import Driver
from streamroute.testing.errors import NotSettledError
from streamroute.testing.event_log import EventLog
from streamroute.testing.loading import load_compiled, require_route, with_handlers
from streamroute.testing.memory_app import MemoryApp
from streamroute.testing.memory_services import MemoryServiceBuilder
from streamroute.testing.pause_control import PauseControl
from streamroute.testing.recording.handled_message import HandledMessage
from streamroute.testing.recording.recorder import Recorder
from streamroute.testing.results import AppResults
from streamroute.testing.time.loop_hooks import hooked
from streamroute.testing.time.virtual_clock import CURRENT_CLOCK, IN_BACKGROUND, VirtualClock
from streamroute.testing.waiting_messages import memory_storage

P = ParamSpec("P")
T = TypeVar("T")

_OPENING: Final = 10.0  # seconds of real time for what a container waits for outside
_CLOSING: Final = 0.1


class TestApp(AppResults):
    """Runs a configuration in memory: no server, no polling, and time passes only in ``advance``.

    ``path`` is a routes.yaml or its folder, ``env`` the environment variables for it (None: those of the
    process). ``container`` replaces the ``container:`` of the file, and is not closed. ``handlers`` replaces
    handlers by route; a replacement is called as the route's handler would be. With ``raise_errors``,
    ``settled`` and ``advance`` raise the first new exception of a handler.

    The consumers, filters, codecs and retries are those of ``streamroute serve``; only the storage is
    another. Handlers run in the event loop of the test. ``asyncio.sleep``, timeouts and every other timer of
    a handler follow the clock of the test; ``time.time()`` and threads have real time.

    >>> async with TestApp("routes.yaml") as t:  # doctest: +SKIP
    ...     await t.publish("bot_events", "booking.confirmed", {"nights": 3})
    ...     await t.settled()
    ...     t.assert_handled("welcome-vip", times=1)

    Entering raises ConfigError, with all ``findings``, if the configuration has errors, and SetupError if a
    replacement does not fit its route or the container cannot be opened.
    """

    __test__ = False  # for pytest: no class with tests

    def __init__(
        self,
        path: str | Path = "routes.yaml",
        *,
        container: Any = None,
        handlers: Mapping[str, Callable[..., Any]] | None = None,
        env: Mapping[str, str] | None = None,
        allow_outside: bool = False,
        raise_errors: bool = False,
    ) -> None:
        self._path = path
        self._container = container
        self._handlers = dict(handlers or {})
        self._env = env
        self._allow_outside = allow_outside
        self._raise_errors = raise_errors
        self._raised: set[int] = set()  # ids of runs, which the recorder keeps
        self._stack = ExitStack()
        self._is_open = False

    async def __aenter__(self) -> Self:
        """Open the container and start the consumers."""
        if self._is_open:
            raise SetupError("this test app is open already")
        compiled = load_compiled(self._path, env=self._env, allow_outside=self._allow_outside)
        loop = asyncio.get_running_loop()
        self._clock = VirtualClock(loop, float(int(time.time())))
        self._recorder = Recorder(self._clock)
        self._server = MemoryServer(self._clock.wall_time)
        self._compiled = compiled
        self._log = EventLog(self._server, compiled)
        runnable = self._recorder.recorded(with_handlers(compiled, self._handlers))
        observer = ObserverSwitch(self._recorder.observe)
        builder = MemoryServiceBuilder(self._server, observer=observer, tracing=self._recorder)
        self._app = MemoryApp(builder, runnable, self._container)
        self._driver = Driver(self._clock, self._recorder, self._next_event, self._is_idle)
        self._context = contextvars.copy_context()
        self._context.run(CURRENT_CLOCK.set, self._clock)
        self._consuming = self._context.copy()
        self._consuming.run(IN_BACKGROUND.set, True)
        self._stack.enter_context(hooked(loop))
        self._is_open = True
        try:
            await self._driver.drive(self._app.open(), self._context, _OPENING)
            self._services = self._app.services
            self._pauses = PauseControl(compiled, self._services)
            await self._driver.drive(self._app.start(), self._consuming, _OPENING)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the consumers and close the container; handlers that still run are cancelled."""
        await self._close()

    async def _close(self) -> None:
        try:
            await self._stop()
        finally:
            try:
                await self._driver.drive(self._app.close(), self._context, _OPENING)
            finally:
                self._is_open = False
                self._clock.close()
                self._stack.close()

    async def _stop(self) -> None:
        try:
            await self._driver.drive(self._app.stop(), self._context, _CLOSING)
        except NotSettledError:
            self._recorder.cancel_running()  # a handler never waits, so that its grace never ends
            await self._driver.drive(self._app.stop(), self._context, _CLOSING)

    # What a test does.

    async def publish(  # noqa: PLR0913 - a keyword for each fact of an event
        self,
        stream: str | None,
        type: str,  # noqa: A002 - the field's own term
        data: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        id: str | None = None,  # noqa: A002 - the field's own term
        delay: float | str | None = None,
        key: str | None = None,
        traceparent: str | None = None,
        tracestate: str | None = None,
        validate: bool = False,
    ) -> str:
        """Publish an event as ``Publisher.publish`` does; returns the id of its entry.

        ``stream=None`` is the only stream of the configuration. No handler runs before ``settled`` or another
        await. Raises what ``Publisher.publish`` raises.
        """
        event = Event(
            type, data, headers=headers, id=id, delay=delay, key=key,
            traceparent=traceparent, tracestate=tracestate,
        )  # fmt: skip
        return self._log.publish(self._log.stream_of(stream), event, validate=validate)

    async def publish_raw(
        self, stream: str | None, fields: Mapping[str, str | bytes] | Mapping[bytes, bytes]
    ) -> str:
        """Append an entry with these fields as they are, as XADD does; returns its id.

        Raises SetupError if there are none.
        """
        if not fields:
            raise SetupError("an entry has at least one field")
        raw = {_bytes(name): _bytes(value) for name, value in fields.items()}
        return self._log.add(self._log.stream_of(stream), raw)

    async def redeliver(self, message: HandledMessage) -> None:
        """Deliver an entry again, as if its worker had died before the acknowledgment: a test of idempotence.

        Another worker claims it when its lease has ended, so ``advance`` by more than ``lease`` and
        ``claim_interval`` (65 seconds by default). Raises SetupError if ``message`` is a retry, whose entry
        is gone, or still runs.
        """
        if message.attempt > 1 or message.result == "running":
            raise SetupError("only the first attempt of a message can be delivered again, when it has ended")
        service = self._services[message.stream]
        storage = memory_storage(service)
        storage.redeliver(message.stream, service.config.group, message.id, message.deliveries)

    async def settled(self, *, within: float = 5.0) -> None:
        """Return when nothing can happen without time passing.

        Waits for threads and for whatever else a handler awaits, without polling, for at most ``within``
        seconds of real time: then it raises NotSettledError, which names the handlers that still run. A
        handler in ``asyncio.sleep`` waits for time: call ``advance``.
        """
        await self._driver.settle(within)
        self._raise_new_errors()

    async def advance(self, duration: float | str) -> None:
        """Let time pass: seconds, or a duration such as ``"1h"``; all that is due meanwhile runs, in order.

        A handler that waits for neither time nor a thread has 0.1 seconds of real time before time passes.
        """
        await self._driver.advance(delay_seconds(duration) or 0.0)
        self._raise_new_errors()

    async def pause(self, route: str, duration: float | str | None = None) -> None:
        """Pause a route in all of its streams, for a duration (None: until it is resumed)."""
        require_route(self._compiled, route)
        self._inside(self._pauses.pause, route, delay_seconds(duration))

    async def resume(self, route: str) -> None:
        """End the pause of a route; its parked messages return."""
        require_route(self._compiled, route)
        self._inside(self._pauses.resume, route)

    async def pause_stream(self, stream: str | None = None, duration: float | str | None = None) -> None:
        """Pause a whole stream (None: the only one), for a duration (None: until it is resumed)."""
        self._inside(self._pauses.pause_stream, self._log.stream_of(stream), delay_seconds(duration))

    async def resume_stream(self, stream: str | None = None) -> None:
        """End the pause of a whole stream."""
        self._inside(self._pauses.resume_stream, self._log.stream_of(stream))

    def _raise_new_errors(self) -> None:
        failed = [run for run in self._recorder.runs if run.result == "failed"]
        new = [run for run in failed if id(run) not in self._raised]
        self._raised |= {id(run) for run in new}
        for run in new:
            if self._raise_errors and run.error is not None and not isinstance(run.error, RouteFailure):
                raise run.error

    def _inside(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that may start tasks of the app, which have the clock of the test."""
        return self._consuming.copy().run(function, *args, **kwargs)

    def _next_event(self) -> float | None:
        wait = self._inside(self._server.pass_time)
        return None if wait is None else self._clock.now + wait

    def _is_idle(self) -> bool:
        return not self._recorder.running and not self._server.has_pending


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
