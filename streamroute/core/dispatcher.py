"""BotRedisDispatcher: runs every handler that matches a message, and answers for each that fails."""

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
    as_one_letter,
    attempt_of,
    dead_letter,
    no_route,
    no_type,
    outcome_for,
    result_of,
    type_of,
)
from streamroute.core.dispatch.retry_envelope import KEY
from streamroute.core.dispatch.route_registry import RouteRegistry
from streamroute.core.dispatch.routes import Route
from streamroute.core.dispatch.unknown_routes import outcome_of_unknown_route, outcome_of_unknown_type
from streamroute.core.observer import Observer, Result, ignore_result
from streamroute.core.router import FilterFunc, H, RedisRouter
from streamroute.errors import LeaseLostError, SetupError
from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.message import Message, copy_for_route
from streamroute.system.forked import exit_if_forked
from streamroute.text.limits import NAME
from streamroute.text.safe_text import clip
from streamroute.values import KnownRoutes, Outcome, RetryLater, RetryPolicy

__all__ = ["BotRedisDispatcher", "RetrySchedulerProtocol"]

log = logging.getLogger(__name__)

_UNSET: Final = object()
_MARKER: Final = KEY
_SUCCEEDED: Final = Result.SUCCEEDED
_SKIPPED: Final = Result.SKIPPED
_FILTERED: Final = Result.FILTERED
_KNOWN_UNKNOWNS: Final = 1000  # types that no route lists are remembered up to this many


class BotRedisDispatcher:
    """The central hub: handlers come from routers and decorators, messages from a stream processor.

    ``retry_scheduler`` is asked to bring failed messages back. Without one, the failures of a
    ``Message`` whose storage settles outcomes are collected on it (``Message.outcomes``), and any
    other failure is raised, so that the entry is not acknowledged. A scheduler whose class says
    ``settles = True`` (``RedisRetryScheduler``) leaves such a message's retries to its settlement.

    ``retry`` is the policy of handlers that do not carry their own. ``unknown_type`` says what happens
    to a message whose type no handler lists. ``group_name`` lets retries of other groups pass where
    payloads are plain dicts; a ``Message`` knows its group. ``observer`` hears every outcome.

    ``retry_secret`` proves that a scheduler's message is a retry of this stream: the same for all workers of
    the stream, 16 bytes or more (else ValueError). It need not be given where the storage is
    ``RedisStreamStorage`` or the scheduler ``RedisRetryScheduler``, which keep one in Redis. Without any,
    each process knows its own retries alone, and what comes back to another one is a message like any other.
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
    ) -> None:
        self._external = ExternalRetries(retry_scheduler, group_name, retry_secret)
        self._policy = retry or RetryPolicy(delay=60, jitter=0)
        self._unknown_type = unknown_type
        self._observe = observer
        self._own = RedisRouter()
        self._registry = RouteRegistry()
        self._registry.include(self._own)
        self._tables = self._registry.tables
        self._container: Any = _UNSET
        self._unknown: set[str] = set()

    def setup(self, container: Any) -> None:
        """Set what every handler gets as its second argument; any value will do, None included."""
        self._container = container

    def include_router(self, router: RedisRouter) -> None:
        """Add a feature's handlers; what is registered on the router later counts as well."""
        self._registry.include(router)

    def known_routes(self) -> KnownRoutes:
        """The routes that this dispatcher knows, and their types; may be called from any thread."""
        return self._registry.known()

    def on_message(self, message_type: str, filter_func: FilterFunc | None = None) -> Callable[[H], H]:
        """Register the decorated handler here, as ``RedisRouter.message`` does on a router."""
        return self._own.message(message_type, filter_func)

    async def process_message(self, message_data: dict[str, Any], stream_name: str = DEFAULT_STREAM) -> None:
        """Run every handler that matches; returning means that the entry may be acknowledged.

        ``message_data`` is a payload with a ``type``; ``stream_name`` is where a scheduler's retry goes.
        A ``Message`` that knows its stream goes back there, unless another one is given.
        Raises SetupError before ``setup()``, and RoutesFailedError when a failure has nowhere to go.
        """
        container = self._container
        if container is _UNSET:
            raise SetupError("call setup(container) before messages are processed; setup(None) will do")
        payload: dict[str, Any] | None = message_data
        if _MARKER in message_data:
            payload = await self._external.resume(message_data, stream_name)
        if payload is None:
            return  # another group's retry: ours is done with this entry
        failures: list[Outcome] = []
        routes = self._accepting(payload, failures)
        if routes is None:
            routes = await self._routes_otherwise(payload, failures, message_data)
        exit_if_forked()  # a filter may be user code, too
        left, observe = len(routes), self._observe
        for route in routes:
            left -= 1
            # A handler may change what it gets, and each gets the payload as it was produced.
            own = copy_for_route(payload) if left else payload
            try:
                result = await route.handler(own, container)
            except LeaseLostError:
                raise  # nothing more of it may run here, and nothing be written
            except BaseException as error:  # noqa: BLE001 - our own end is raised again
                await reraise_own_cancellation(
                    error
                )  # the drain is over or the lease is lost; the entry stays pending
                failures.append(outcome_for(route, error, attempt_of(payload), self._policy))
            else:
                observe(payload, route.key, _SKIPPED if result is _SKIPPED else _SUCCEEDED)
            finally:
                exit_if_forked()
        if failures:
            await self._answer_for(payload, failures, stream_name)

    def _accepting(self, payload: dict[str, Any], failures: list[Outcome]) -> Sequence[Route] | None:
        """The routes that accept a new message: all filters are asked before the first handler runs.

        None for what is answered otherwise: a retry, and a message whose type no route lists.
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
        """Whether the route's filter accepts the payload; one that fails is a failure of this route alone."""
        accepts = route.accepts
        try:
            if accepts is None or accepts(payload):
                return True
            self._observe(payload, route.key, _FILTERED)
        except BaseException as error:  # noqa: BLE001 - a failure of this route alone
            # A filter is a function of the payload alone: it would raise again, so no retry.
            letter = dead_letter(route.key, "the filter failed", error, attempt_of(payload))
            failures.append(replace(letter, accepted=False))
        return False

    async def _routes_otherwise(
        self, payload: dict[str, Any], failures: list[Outcome], read: dict[str, Any]
    ) -> Sequence[Route]:
        """The routes of a retry. A message whose type no route lists has none, and is answered for."""
        message_type = type_of(payload)
        if not message_type:
            failures.append(no_type(payload))
        elif isinstance(payload, Message) and payload.routes:
            routes = await self._routes_of_retry(payload, payload.routes, failures)
            if is_scheduler_retry(payload, read):
                failures[:] = as_one_letter(payload, failures)
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
        """The routes that a retry names; those that are not known here are answered for.

        They are those of the message's type, or of another where the type has none: a route may have listed
        the type when it accepted the message, and not list it any more. The filters of a retry that was
        accepted before are not asked again: they may have been changed since.
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
        said = "no route lists the type %r; its messages are acknowledged and counted"
        log.warning(said, name, extra=NEVER_COALESCED)

    async def _answer_for(self, payload: dict[str, Any], failures: list[Outcome], stream_name: str) -> None:
        """Give every failure its place: scheduled, collected for one settlement, or raised."""
        collected = payload.outcomes if isinstance(payload, Message) else None
        retries = [outcome for outcome in failures if isinstance(outcome, RetryLater)]
        if collected is not None:
            # To a scheduler, an attempt that was postponed twice would be the same retry twice.
            retries = [retry for retry in retries if not retry.postponed]
        # Without a place for the dead ones the whole entry has to stay pending, and to schedule the
        # others as well would double them when it comes again.
        scheduler = self._external.scheduler_for(payload)
        if scheduler and retries and (collected is not None or len(retries) == len(failures)):
            await self._external.schedule(scheduler, payload, retries, stream_name)
            self._tell(payload, retries)
            failures = [outcome for outcome in failures if outcome not in retries]
        if collected is not None:
            collected.extend(failures)
            self._tell(payload, failures)
        elif failures:
            for failure in failures:
                self._observe(payload, failure.route, Result.FAILED)
            raise RoutesFailedError(failures)

    def _tell(self, payload: dict[str, Any], outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self._observe(payload, outcome.route or None, result_of(outcome))


def _unknown(names: frozenset[str], routes: Sequence[Route]) -> list[str]:
    """The names that none of the routes has, or had before."""
    return sorted(names.difference(*((route.key, *route.formerly) for route in routes)))
