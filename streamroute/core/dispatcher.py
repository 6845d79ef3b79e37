"""BotRedisDispatcher: run every handler that matches a message, and give each failure an outcome."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from streamroute.core.cancellation import reraise_own_cancellation
from streamroute.core.dispatch.external_retries import (
    DEFAULT_STREAM,
    ExternalRetries,
    RetrySchedulerProtocol,
    is_scheduler_retry,
)
from streamroute.core.dispatch.outcomes import (
    RoutesFailedError,
    attempt_of,
    dead_letter,
    merge_unknown_routes,
    no_route,
    no_type,
    outcome_for,
    result_of,
    type_of,
)
from streamroute.core.dispatch.parking import without_parked
from streamroute.core.dispatch.retry_envelope import KEY
from streamroute.core.dispatch.route_registry import RouteRegistry
from streamroute.core.dispatch.routes import Route
from streamroute.core.dispatch.unknown_routes import outcome_of_unknown_route, outcome_of_unknown_type
from streamroute.core.observer import Observer, ObserverSwitch, Result, ignore_result
from streamroute.core.recording.route_timing import Run
from streamroute.core.recording.stream_recorder import StreamRecorder
from streamroute.core.router import FilterFunc, H, RedisRouter
from streamroute.delivery import Delivery
from streamroute.errors import LeaseLostError, SetupError
from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.message import Message, copy_for_route
from streamroute.pauses import PauseGate
from streamroute.system.forked import exit_if_forked
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip
from streamroute.values import KnownRoutes, Outcome, RetryLater, RetryPolicy

__all__ = ["BotRedisDispatcher", "RetrySchedulerProtocol"]

log = logging.getLogger(__name__)

_UNSET: Final = object()
_MARKER: Final = KEY
_SUCCEEDED: Final = Result.SUCCEEDED
_SKIPPED: Final = Result.SKIPPED
_FILTERED: Final = Result.FILTERED
_KNOWN_UNKNOWNS: Final = 1000  # number of unlisted types to remember, at most


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
        self._external = ExternalRetries(retry_scheduler, group_name, retry_secret)
        self._policy = retry or RetryPolicy(delay=60, jitter=0)
        self._unknown_type = unknown_type
        self._observe = ObserverSwitch.of(observer)
        self._recorder = recorder
        self._own = RedisRouter()
        self._registry = RouteRegistry(None if recorder is None else recorder.timing)
        self._registry.include(self._own)
        self._tables = self._registry.tables
        self._container: Any = _UNSET
        self._unknown: set[str] = set()
        self._gate = PauseGate()

    def setup(self, container: Any) -> None:
        """Set the second argument of every handler; any value is allowed, including None."""
        self._container = container

    def use_gate(self, gate: PauseGate) -> None:
        """Park messages of routes that this gate says are paused."""
        self._gate = gate

    def include_router(self, router: RedisRouter) -> None:
        """Add the handlers of a router, including those registered on it later."""
        self._registry.include(router)

    def known_routes(self) -> KnownRoutes:
        """Return the routes of this dispatcher and their types; may be called from any thread."""
        return self._registry.known()

    def on_message(self, message_type: str, filter_func: FilterFunc | None = None) -> Callable[[H], H]:
        """Register the decorated handler on this dispatcher; see ``RedisRouter.message``."""
        return self._own.message(message_type, filter_func)

    async def process_message(  # noqa: C901, PLR0912 - hot path: a function more for each message is measurable
        self, message_data: dict[str, Any], stream_name: str = DEFAULT_STREAM
    ) -> None:
        """Run every handler that matches; if this returns, the entry may be acknowledged.

        ``message_data`` is a payload with a ``type``; ``stream_name`` is the stream of a scheduler's retries,
        by default the stream of the ``Message``. Raises SetupError before ``setup()``, and RoutesFailedError
        if a failure can be neither retried nor dead-lettered here: its ``__cause__`` is the exception of the
        first handler that failed.
        """
        container = self._container
        if container is _UNSET:
            raise SetupError("call setup(container) before messages are processed; setup(None) will do")
        payload: dict[str, Any] | None = message_data
        if _MARKER in message_data:
            payload = await self._external.resume(message_data, stream_name)
        if payload is None:
            return  # another group's retry: nothing to do for this group
        failures: list[Outcome] = []
        routes, gate = self._accepting_routes(payload, failures), self._gate
        if routes is None or gate.parks:
            routes = await self._fallback_routes(payload, routes, failures, message_data)
        exit_if_forked()  # a filter may be user code too
        remaining, observe = len(routes), self._observe.target
        delivery = payload.delivery if isinstance(payload, Message) else Delivery()
        cause: BaseException | None = None
        for route in routes:
            remaining -= 1
            # A handler may change its payload, and each must receive the original one.
            own = copy_for_route(payload) if remaining else payload
            delivery.running_route = route.key
            timing, measured = route.timing, None
            if timing is not None:
                if timing.left:  # most runs of a burst are not measured
                    timing.left -= 1
                else:
                    measured = timing.start()
            try:
                result = await route.handler(own, container)
            except BaseException as error:  # noqa: BLE001 - our own end is raised again
                failures.append(await self._failure_of(route, error, payload, measured))
                if delivery.outcomes is None:
                    cause = cause or error
            else:
                if measured is not None:
                    measured.succeeded(own)
                observe(payload, route.key, _SKIPPED if result is _SKIPPED else _SUCCEEDED)
            finally:
                exit_if_forked()
        if failures:
            try:
                await self._record_failures(payload, failures, stream_name, cause)
            finally:
                cause = (
                    None  # its traceback refers to this frame: the two would live until garbage collection
                )

    async def _failure_of(
        self, route: Route, error: BaseException, payload: dict[str, Any], measured: Run | None
    ) -> Outcome:
        """Return the outcome of a handler that raised; raise if the entry stays pending and no route runs."""
        if route.timing is not None:
            route.timing.failed(measured)
        if issubclass(type(error), LeaseLostError):  # isinstance() would run the exception's code
            raise error  # another worker has the entry: write nothing
        await reraise_own_cancellation(error)  # drained or lease lost
        outcome = outcome_for(route, error, attempt_of(payload), self._policy)
        self._gate.note_failure(route, outcome)
        return outcome

    def _accepting_routes(self, payload: dict[str, Any], failures: list[Outcome]) -> Sequence[Route] | None:
        """Return the routes that accept a new message; all filters run before the first handler.

        Return None for a retry or a message whose type no route lists; see ``_fallback_routes``.
        """
        if isinstance(payload, Message) and payload.routes:
            return None
        message_type = payload.get("type")
        if type(message_type) is not str:
            message_type = type_of(payload)
        if not message_type:
            return None
        table = self._tables.get(message_type)
        if table is None:
            table = self._registry.table_of(message_type)
        only = table.only
        if only is not None:
            return table.routes if self._accepts(only, payload, failures) else ()
        if not table.routes:
            return None
        candidates = table.routes if table.is_plain else table.candidates(payload)
        return [route for route in candidates if self._accepts(route, payload, failures)]

    def _accepts(self, route: Route, payload: dict[str, Any], failures: list[Outcome]) -> bool:
        """Whether the route's filter accepts the payload; a filter that raises fails this route only."""
        accepts = route.accepts
        try:
            if accepts is None or accepts(payload):
                return True
            self._observe.target(payload, route.key, _FILTERED)
        except BaseException as error:  # noqa: BLE001 - a failure of this route alone
            # A filter depends on the payload only: it would raise again, so do not retry.
            letter = dead_letter(route.key, "the filter failed", error, attempt_of(payload))
            failures.append(replace(letter, accepted=False))
        return False

    async def _fallback_routes(
        self,
        payload: dict[str, Any],
        routes: Sequence[Route] | None,
        failures: list[Outcome],
        read: dict[str, Any],
    ) -> Sequence[Route]:
        """Return those of a message's routes that are not paused; ``routes`` is None for a retry."""
        if routes is None:
            routes = await self._unlisted_routes(payload, failures, read)
        return without_parked(self._gate, payload, routes, failures)

    async def _unlisted_routes(
        self, payload: dict[str, Any], failures: list[Outcome], read: dict[str, Any]
    ) -> Sequence[Route]:
        """Return the routes of a retry; none for an unlisted type, for which the outcome is recorded here."""
        message_type = type_of(payload)
        if not message_type:
            failures.append(no_type(payload))
        elif isinstance(payload, Message) and payload.routes:
            routes = await self._routes_of_retry(payload, payload.routes, failures)
            if is_scheduler_retry(payload, read):
                failures[:] = merge_unknown_routes(payload, failures)
            return routes
        elif (wait := await outcome_of_unknown_type(payload, message_type)) is not None:
            failures.append(wait)
        elif self._unknown_type == "dead_letter":
            failures.append(no_route(message_type, payload))
        else:
            self._observe(payload, None, Result.UNKNOWN)
            self._warn_unknown(message_type)
        return ()

    async def _routes_of_retry(
        self, message: Message, names: frozenset[str], failures: list[Outcome]
    ) -> Sequence[Route]:
        """Return the routes that a retry names; record the outcomes of those unknown here.

        A name is looked up among the routes of the message's type, then among all routes: a route may have
        stopped listing the type since it accepted the message. Filters that accepted the message before are
        not evaluated again, since they may have changed.
        """
        of_type = self._registry.table_of(type_of(message)).routes
        routes = [route for route in of_type if route.is_named_in(names)]
        missing = frozenset(_unknown(names, routes))
        if missing:
            routes += self._registry.named(missing)
        failures.extend([await outcome_of_unknown_route(message, name) for name in _unknown(names, routes)])
        if message.accepted:
            return routes
        return [route for route in routes if self._accepts(route, message, failures)]

    def _warn_unknown(self, message_type: str) -> None:
        name = clip(message_type, NAME)
        if name in self._unknown or len(self._unknown) >= _KNOWN_UNKNOWNS:
            return
        self._unknown.add(name)
        template = "no route lists the type %r; its messages are acknowledged and counted"
        log.warning(template, name, extra=NEVER_COALESCED)

    async def _record_failures(
        self,
        payload: dict[str, Any],
        failures: list[Outcome],
        stream_name: str,
        cause: BaseException | None,
    ) -> None:
        """Schedule every failure, collect it for settlement, or raise it."""
        collected = payload.delivery.outcomes if isinstance(payload, Message) else None
        retries = [outcome for outcome in failures if isinstance(outcome, RetryLater)]
        if collected is not None:
            # A scheduler would take an attempt that is postponed twice for the same retry.
            retries = [retry for retry in retries if not retry.postponed]
        # If dead letters cannot be written, the whole entry stays pending and is delivered again, so
        # scheduling its retries as well would duplicate them.
        scheduler = self._external.scheduler_for(payload)
        if scheduler and retries and (collected is not None or len(retries) == len(failures)):
            await self._external.schedule(scheduler, payload, retries, stream_name)
            self._observe_outcomes(payload, retries)
            failures = [outcome for outcome in failures if outcome not in retries]
        if collected is not None:
            collected.extend(failures)
            self._observe_outcomes(payload, failures)
        elif failures:
            for failure in failures:
                self._observe(payload, failure.route, Result.FAILED)
            raise RoutesFailedError(failures) from cause

    def _observe_outcomes(self, payload: dict[str, Any], outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self._observe(payload, outcome.route or None, result_of(outcome))
            if self._recorder is not None:
                self._recorder.failed(outcome)


def _unknown(names: frozenset[str], routes: Sequence[Route]) -> list[str]:
    """Return the names that are neither a key nor a former key of the routes."""
    return sorted(names.difference(*((route.key, *route.formerly) for route in routes)))
