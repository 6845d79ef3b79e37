"""BotRedisDispatcher: run every handler that matches a message, and give each failure an outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from typing import Any, Final, Literal

from streamroute.core.dispatch.external_retries import (
    DEFAULT_STREAM,
    ExternalRetries,
    RetrySchedulerProtocol,
)
from streamroute.core.dispatch.message_plans import message_plan
from streamroute.core.dispatch.prefilter import Prefilter
from streamroute.core.dispatch.retry_envelope import KEY
from streamroute.core.dispatch.route_registry import RouteRegistry
from streamroute.core.dispatch.route_runs import UNSET, RouteRuns
from streamroute.core.dispatch.route_selection import RouteSelection
from streamroute.core.dispatch.routes import Start
from streamroute.core.observer import Observer, ObserverSwitch, ignore_result
from streamroute.core.recording.stream_recorder import StreamRecorder
from streamroute.core.router import FilterFunc, H, RedisRouter
from streamroute.errors import SetupError
from streamroute.message import Message
from streamroute.pauses import PauseGate
from streamroute.system.forked import exit_if_forked
from streamroute.values import KnownRoutes, Outcome, RetryPolicy

__all__ = ["BotRedisDispatcher", "RetrySchedulerProtocol"]

_MARKER: Final = KEY


class BotRedisDispatcher:
    """Dispatches messages from a stream processor to the handlers of routers and decorators.

    ``retry_scheduler`` schedules the retries of failed messages. Without one, the failures of a
    ``Message`` whose storage settles outcomes are collected in ``Delivery.outcomes``, and any other
    failure is raised, so that the entry is not acknowledged. If the scheduler's class has
    ``settles = True`` (``RedisRetryScheduler``), the settlement of such a message schedules its retries.

    ``retry`` is the policy of handlers without their own. ``unknown_type`` decides what happens to a
    message whose type no handler lists. ``group_name`` identifies retries of other groups if payloads are
    plain dicts; a ``Message`` knows its group. ``observer`` is called with every outcome. ``recorder``
    measures the runs of the routes, and counts failures by the class of their exceptions.

    ``retry_secret`` proves that a scheduler's message is a retry of this stream: the same for all workers of
    the stream, 16 bytes or more (else ValueError). It is not needed if the storage is ``RedisStreamStorage``
    or the scheduler ``RedisRetryScheduler``, which keep one in Redis. Without a secret, each process
    recognizes only its own retries, and handles a retry of another process as a new message.

    >>> dispatcher = BotRedisDispatcher(retry=RetryPolicy(max_attempts=3))  # doctest: +SKIP
    >>> dispatcher.include_router(router)  # doctest: +SKIP
    >>> dispatcher.setup(container)  # doctest: +SKIP
    """

    def __init__(
        self,
        retry_scheduler: RetrySchedulerProtocol | None = None,
        *,
        retry: RetryPolicy | None = None,
        unknown_type: Literal["ack", "dead_letter"] = "ack",
        group_name: str | None = None,
        observer: Observer = ignore_result,
        retry_secret: str | bytes | None = None,
        recorder: StreamRecorder | None = None,
    ) -> None:
        self._observe = ObserverSwitch.of(observer)
        self._external = ExternalRetries(retry_scheduler, group_name, retry_secret)
        self._own = RedisRouter()
        self._registry = RouteRegistry(None if recorder is None else recorder.timing)
        self._registry.include(self._own)
        self._plans = self._registry.plans
        dead_letters_unknown = unknown_type == "dead_letter"
        self._selection = RouteSelection(
            self._registry, self._observe, dead_letters_unknown=dead_letters_unknown
        )
        policy = retry or RetryPolicy(delay=60, jitter=0)
        self._runs = RouteRuns(self._external, policy, self._observe, recorder)
        self._gate = self._runs.gate

    def setup(self, container: Any) -> None:
        """Set the second argument of every handler; any value is allowed, including None."""
        self._runs.container = container
        self._plans.clear()

    def use_gate(self, gate: PauseGate) -> None:
        """Park messages of routes that this gate says are paused."""
        self._gate = self._runs.gate = gate

    def include_router(self, router: RedisRouter) -> None:
        """Add the handlers of a router, including those registered on it later."""
        self._registry.include(router)

    def known_routes(self) -> KnownRoutes:
        """Return the routes of this dispatcher and their types; may be called from any thread."""
        return self._registry.known()

    def prefilter(self, is_pure: Callable[[Any], bool], excluded: AbstractSet[str]) -> Prefilter:
        """Return what says which new messages no route takes; see ``Prefilter`` for the parameters."""
        return Prefilter(
            *(self._registry, self._observe, lambda: self._gate, self._selection.acknowledged_types),
            is_pure=is_pure,
            excluded=excluded,
        )

    def on_message(self, message_type: str, filter_func: FilterFunc | None = None) -> Callable[[H], H]:
        """Register the decorated handler on this dispatcher; see ``RedisRouter.message``."""
        return self._own.message(message_type, filter_func)

    async def process_message(self, message_data: dict[str, Any], stream_name: str = DEFAULT_STREAM) -> None:
        """Run every handler that matches; if this returns, the entry may be acknowledged.

        ``message_data`` is a payload with a ``type``; ``stream_name`` is the stream of a scheduler's retries,
        by default the stream of the ``Message``. Raises SetupError before ``setup()``, and RoutesFailedError
        if a failure can be neither retried nor dead-lettered here: its ``__cause__`` is the exception of the
        first handler that failed.
        """
        runs = self._runs
        if runs.container is UNSET:
            raise SetupError("call setup(container) before messages are processed; setup(None) will do")
        payload: dict[str, Any] | None = message_data
        if _MARKER in message_data:
            payload = await self._external.resume(message_data, stream_name)
        if payload is None:
            return  # another group's retry: nothing to do for this group
        failures: list[Outcome] = []
        routes, gate = self._selection.accepting(payload, failures), self._gate
        if routes is None or gate.parks:
            routes = await self._selection.fallback(payload, routes, failures, message_data, gate)
        exit_if_forked()  # a filter may be user code too
        await runs.run(payload, routes, failures, stream_name)

    def start_message(self, message: Any) -> Awaitable[None] | None:
        """Do what ``process_message`` does; return None if the message has been handled at once.

        Else, await the result without delay, in the same task: a handler may wait already. It is for messages
        of a processor, from one thread; handlers that do not wait take a third of the time.
        """
        try:
            start = self._plans[message["type"]]
            is_new = not message.routes
        except Exception:  # noqa: BLE001 - no plan yet, no message, or the type is anything
            found = self._plan_of(message)
            if found is None:
                return self.process_message(message)
            start, is_new = found, not message.routes
        if is_new and _MARKER not in message and not self._gate.parks:
            return start(message)
        return self.process_message(message)

    def _plan_of(self, payload: dict[str, Any]) -> Start | None:
        """Make the plan of a payload's type; return None if ``process_message`` decides what happens."""
        message_type = payload.get("type")
        if not isinstance(payload, Message) or type(message_type) is not str or not message_type:
            return None
        if self._runs.container is UNSET:
            return None
        table = self._registry.table_of(message_type)
        if self._registry.tables.get(message_type) is not table:
            return None  # no route lists it, or its routes may change unnoticed
        start = self._plans[message_type] = message_plan(table, self._runs, self._observe)
        return start
