"""Route start: run a route's handler up to its first wait, without a coroutine of this package.

``RouteSelection.accepting`` and ``RouteRuns.run`` define what happens to the message; a start does the same
for a message that is filtered or whose handler returns at once, and passes everything else to them.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Final

from streamroute.core.dispatch.route_count import RouteCount
from streamroute.core.dispatch.route_runs import RouteRuns
from streamroute.core.dispatch.route_selection import filter_failure
from streamroute.core.dispatch.routes import Route, Start
from streamroute.core.observer import Result
from streamroute.core.recording.route_timing import Run
from streamroute.core.router import FilterFunc
from streamroute.message import Message
from streamroute.system.forked import PROCESS, exit_if_forked

_Driver = tuple[Callable[[Message], Any], Generator[Any, Any, None], list[bool]]
"""A generator that runs handlers: its ``send``, itself, and an empty list until a handler waits."""

_RETURNED: Final = object()
_SUCCEEDED: Final = Result.SUCCEEDED


def route_start(  # noqa: C901, PLR0915 - its functions share what is made once
    route: Route, runs: RouteRuns, count: RouteCount, accepts: FilterFunc | None
) -> Start:
    """Return a function that handles a message of the route, if ``accepts`` (None: always) is true.

    Awaiting a handler from a generator that lives on costs a third of ``coroutine.send``, which raises
    StopIteration when the handler returns. So one generator serves message after message, until a handler
    waits: that run keeps it. The next message is started by ``send``, since its handler probably waits, too.
    """
    key, timing, routes, steps = route.key, route.timing, (route,), route.steps
    begin: Any = None if steps is None else steps.begin_with(runs.container)
    wait: Any = None if steps is None else steps.wait
    switch, process = count.switch, PROCESS
    idle: _Driver | None = None

    def start(  # noqa: C901, PLR0911, PLR0912 - hot path: a function more for each message is measurable
        message: Message,
    ) -> Awaitable[None] | None:
        nonlocal idle
        if accepts is not None:
            try:
                is_accepted = True if accepts(message) else False  # noqa: SIM210 - it may raise here
            except BaseException as error:  # noqa: BLE001 - the failure is an outcome
                exit_if_forked()
                return runs.run(message, (), [filter_failure(route, error, message)])
            if process.is_copy:
                exit_if_forked()  # a filter may be user code too
            if not is_accepted:
                count.filtered(message)
                return None
        if begin is None:
            return runs.run(message, routes, [])
        message.delivery.running_route = key
        measured = None
        if timing is not None:
            if timing.left:  # most runs of a burst are not measured
                timing.left -= 1
            else:
                measured = timing.start()
        driver, idle = idle, None  # the handler may start another message
        if driver is None:
            rest = start_alone(message, measured)
            if rest is not None:
                return rest
            driver = _new_driver(begin)
        else:
            try:
                yielded = driver[0](message)
            except BaseException as error:  # noqa: BLE001 - see RouteRuns
                return rest_of(message, _raise(error), measured)
            if yielded is not _RETURNED:
                driver[2].append(True)
                return rest_of(message, wait(driver[1], yielded), measured)
        idle = driver
        if process.is_copy:
            exit_if_forked()
        if measured is not None:
            measured.succeeded(message)
        tally = count.tally
        if (
            tally.is_open
            and count.observer is switch.target
            and message.stream is tally.stream
            and message.attempt == 1
        ):
            tally.succeeded += 1
        else:
            count.observe(message, _SUCCEEDED)
        return None

    def start_alone(message: Message, measured: Run | None) -> Awaitable[None] | None:
        try:
            coroutine = begin(message)
            try:
                yielded = coroutine.send(None)
            except StopIteration:
                return None
        except BaseException as error:  # noqa: BLE001 - see RouteRuns
            return rest_of(message, _raise(error), measured)
        return rest_of(message, wait(coroutine, yielded), measured)

    def rest_of(message: Message, rest: Awaitable[Any], measured: Run | None) -> Awaitable[None]:
        exit_if_forked()  # a copy must not go back into the worker
        return runs.run(message, routes, [], begun=(rest, measured))

    return start


def _new_driver(begin: Callable[[Message], Coroutine[Any, Any, Any]]) -> _Driver:
    waits: list[bool] = []
    generator = _drive(begin, waits)
    generator.send(None)
    return generator.send, generator, waits


@types.coroutine
def _drive(
    begin: Callable[[Message], Coroutine[Any, Any, Any]], waits: list[bool]
) -> Generator[Any, Any, None]:
    """Run the handler for each message that is sent; yield ``_RETURNED``, or what the handler waits for."""
    message = yield _RETURNED
    while True:
        yield from begin(message)
        if waits:
            return
        message = None  # not kept until the next one
        message = yield _RETURNED


async def _raise(error: BaseException) -> None:
    try:
        raise error
    finally:
        del error  # its traceback refers to this frame
