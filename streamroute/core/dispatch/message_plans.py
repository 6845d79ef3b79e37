"""Message plans: how the new messages of one type are filtered and started, decided once.

A plan is made when the type's first message is started, and dropped with its route table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from streamroute.core.dispatch.route_count import RouteCount
from streamroute.core.dispatch.route_runs import RouteRuns
from streamroute.core.dispatch.route_selection import filter_failure
from streamroute.core.dispatch.route_start import route_start
from streamroute.core.dispatch.route_table import RouteTable
from streamroute.core.dispatch.routes import Route, Start
from streamroute.core.observer import ObserverSwitch
from streamroute.message import Message
from streamroute.system.forked import PROCESS, exit_if_forked
from streamroute.values import Outcome

_Accepts = Callable[[Message, list[Outcome]], bool]


def message_plan(table: RouteTable, runs: RouteRuns, observe: ObserverSwitch) -> Start:
    """Return the plan of a type that has routes; ``runs`` runs what does not end at once."""
    only = table.only
    if only is not None:
        return route_start(only, runs, RouteCount(only.key, observe), only.accepts)
    process, starts, filters = PROCESS, {}, {}
    for route in table.routes:
        count = RouteCount(route.key, observe)
        starts[route.key] = route_start(route, runs, count, None)
        filters[route.key] = _route_filter(route, count)

    def start(message: Message) -> Awaitable[None] | None:
        failures: list[Outcome] = []
        candidates = table.routes if table.is_plain else table.candidates(message)
        accepted = [route for route in candidates if filters[route.key](message, failures)]
        if process.is_copy:
            exit_if_forked()  # a filter may be user code too
        if len(accepted) == 1 and not failures:
            return starts[accepted[0].key](message)
        return runs.run(message, accepted, failures) if accepted or failures else None

    return start


def _route_filter(route: Route, count: RouteCount) -> _Accepts:
    """Return a function that tells whether the route's filter accepts a new message, and counts it if not.

    If the filter raises, its failure is appended to the list.
    """
    accepts = route.accepts

    def is_accepted(message: Message, failures: list[Outcome]) -> bool:
        try:
            if accepts is None or accepts(message):
                return True
            count.filtered(message)
        except BaseException as error:  # noqa: BLE001 - a failure of this route alone
            failures.append(filter_failure(route, error, message))
        return False

    return is_accepted
