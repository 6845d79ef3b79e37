"""Unknown routes and types: messages wait for another worker of the group that knows them.

Workers with different configurations may share a group, as in a rolling deploy. A retry of a route that is
unknown here, or a message of a type that no route lists here, waits without using an attempt while another
live worker knows it, and for a while even if none does, since a worker that knew it may restart soon.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Any, Final, Protocol, cast

from streamroute.core.dispatch.outcomes import unknown_route
from streamroute.logs.coalescing import coalesced_by
from streamroute.logs.exception_text import error_line
from streamroute.message import Message
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip
from streamroute.values import Outcome, RetryLater, RouteWait

log = logging.getLogger(__name__)

_RETRY_LOOKUP_AFTER: Final = 1.0  # seconds to wait while the routes of other workers cannot be read


class WorkerDirectory(Protocol):
    """Interface of ``Delivery.coordinator``: looks up what the group's workers know."""

    async def route_wait(self, message: Message, route: str) -> RouteWait:
        """Return how long the retry of a route unknown here waits for a worker that knows it."""
        ...

    async def type_wait(self, message: Message, message_type: str) -> RouteWait:
        """Return how long a message waits for a worker that lists its type; no wait if none ever did."""
        ...


async def outcome_of_unknown_route(message: Message, route: str) -> Outcome:
    """Return the outcome of a retry whose route is unknown here: it waits, and finally is dead-lettered."""
    workers = _workers(message, "route_wait")
    if workers is None:
        return unknown_route(route, message)
    wait = await _wait_of(message, workers.route_wait(message, route))
    if wait.delay is None:
        return unknown_route(route, message)
    if wait.unknown_since and not message.delivery.unknown_since:
        template = "a retry of the route %r waits: no live worker of the group knows it"
        log.warning(template, route, extra=coalesced_by(template, route))
    return RetryLater(
        route, wait.delay, message.attempt, "", postponed=True, unknown_since=wait.unknown_since
    )


async def outcome_of_unknown_type(payload: dict[str, Any], message_type: str) -> Outcome | None:
    """Return the outcome of a message whose type another worker lists or listed: it waits. Else None."""
    workers = _workers(payload, "type_wait")
    if workers is None:
        return None
    message = cast("Message", payload)
    wait = await _wait_of(message, workers.type_wait(message, message_type))
    if wait.delay is None:
        return None
    if wait.unknown_since and not message.delivery.unknown_since:
        template = "messages of the type %r wait: the workers that listed it have left the group"
        name = clip(message_type, NAME)
        log.warning(template, name, extra=coalesced_by(template, name))
    return RetryLater("", wait.delay, message.attempt, "", postponed=True, unknown_since=wait.unknown_since)


def _workers(payload: dict[str, Any], method: str) -> WorkerDirectory | None:
    """Return the message's directory; None if it has none or cannot wait, as its outcomes are not settled."""
    if not isinstance(payload, Message) or payload.delivery.outcomes is None:
        return None
    coordinator = payload.delivery.coordinator
    return (
        cast("WorkerDirectory", coordinator) if callable(getattr(type(coordinator), method, None)) else None
    )


async def _wait_of(message: Message, lookup: Awaitable[RouteWait]) -> RouteWait:
    """Return the result of a lookup; if it fails, the message waits, as another worker may know its route."""
    try:
        return await lookup
    except Exception as error:  # noqa: BLE001 - see above
        template = "could not read the routes of the group's workers; messages wait: %s"
        log.warning(template, error_line(error), extra=coalesced_by(template))
        return RouteWait(_RETRY_LOOKUP_AFTER, message.delivery.unknown_since)
