"""Route runs: run the routes that a message matches, one after the other, and settle their failures."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Final

from streamroute.core.cancellation import reraise_own_cancellation
from streamroute.core.dispatch.external_retries import DEFAULT_STREAM, ExternalRetries
from streamroute.core.dispatch.outcomes import RoutesFailedError, attempt_of, outcome_for, result_of
from streamroute.core.dispatch.routes import Route
from streamroute.core.observer import ObserverSwitch, Result
from streamroute.core.recording.route_timing import Run
from streamroute.core.recording.stream_recorder import StreamRecorder
from streamroute.delivery import Delivery
from streamroute.errors import LeaseLostError
from streamroute.message import Message, copy_for_route
from streamroute.pauses import PauseGate
from streamroute.system.forked import exit_if_forked
from streamroute.values import Outcome, RetryLater, RetryPolicy

UNSET: Final = object()
"""The container before it is set."""

_SUCCEEDED: Final = Result.SUCCEEDED
_SKIPPED: Final = Result.SKIPPED


Begun = tuple[Awaitable[Any], Run | None]
"""The run of a message's first route that has begun: what is left to await, and its measurement."""


class RouteRuns:
    """Runs routes for a dispatcher; ``container`` is the second argument of every handler.

    ``policy`` is the retry policy of handlers without their own. ``gate`` notes failures for circuits.
    """

    def __init__(
        self,
        external: ExternalRetries,
        policy: RetryPolicy,
        observe: ObserverSwitch,
        recorder: StreamRecorder | None,
    ) -> None:
        self._external = external
        self._policy = policy
        self._observe = observe
        self._recorder = recorder
        self.container: Any = UNSET
        self.gate = PauseGate()

    async def run(
        self,
        payload: dict[str, Any],
        routes: Sequence[Route],
        failures: list[Outcome],
        stream_name: str = DEFAULT_STREAM,
        begun: Begun | None = None,
    ) -> None:
        """Run every route, then schedule, collect or raise all failures, ``failures`` included.

        ``begun`` is the run of the first route, if it has begun; that route gets the payload itself.
        """
        remaining, observe, container = len(routes), self._observe.target, self.container
        delivery = payload.delivery if isinstance(payload, Message) else Delivery()
        cause: BaseException | None = None
        for route in routes:
            remaining -= 1
            # A handler may change its payload, and each must receive the original one.
            own = copy_for_route(payload) if remaining else payload
            delivery.running_route = route.key
            if begun is not None:
                (rest, measured), begun = begun, None
            else:
                measured = None if route.timing is None else route.timing.begin()
                rest = None
            result = None
            try:
                if rest is None:
                    result = await route.handler(own, container)
                else:
                    await rest  # it returns what the user's function does
            except BaseException as error:  # noqa: BLE001 - our own end is raised again
                failures.append(await self._failure_of(route, error, payload, measured))
                if delivery.outcomes is None and cause is None:  # its truth would be the user's code
                    cause = error
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
        self.gate.note_failure(route, outcome)
        return outcome

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
