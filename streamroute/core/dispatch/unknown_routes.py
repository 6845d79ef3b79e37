"""Unknown routes and types: they wait for another worker of the group that knows them.

Workers of different configurations share a group, as in a rolling deploy. A retry of a route that is not
known here, or a message of a type that no route lists here, waits and spends no attempt while another worker
that is alive knows it; and for a while even where none does: a worker that knew it may be back soon.
"""

from __future__ import annotations

import logging
from typing import Any, Final, Protocol, cast

from streamroute.core.dispatch.outcomes import unknown_route
from streamroute.logs.coalescing import coalesced_by
from streamroute.logs.exception_text import error_line
from streamroute.message import Message
from streamroute.text.limits import NAME
from streamroute.text.safe_text import clip
from streamroute.values import Outcome, RetryLater, RouteWait

log = logging.getLogger(__name__)

_AWAY: Final = 1.0  # seconds to wait while the other workers cannot be asked


class WorkerDirectory(Protocol):
    """What a message of a storage may bring along (``Message.coordinator``): who asks the group's workers."""

    async def route_wait(self, message: Message, route: str) -> RouteWait:
        """How long the retry of a route that is not known here waits for a worker that knows it."""
        ...

    async def type_wait(self, message: Message, message_type: str) -> RouteWait:
        """How long a message waits for a worker that lists its type; no time where none ever did."""
        ...


async def outcome_of_unknown_route(message: Message, route: str) -> Outcome:
    """The outcome of a retry whose route this worker does not know: it waits, or is dead-lettered at last."""
    workers = _workers(message, "route_wait")
    if workers is None:
        return unknown_route(route, message)
    try:
        wait = await workers.route_wait(message, route)
    except Exception as error:  # noqa: BLE001 - another worker may still know the route
        _tell_away(error)
        wait = RouteWait(_AWAY, message.unknown_since)
    if wait.delay is None:
        return unknown_route(route, message)
    if wait.unknown_since and not message.unknown_since:
        said = "a retry of the route %r waits: no worker of the group that is alive knows it"
        log.warning(said, route, extra=coalesced_by(said, route))
    return RetryLater(
        route, wait.delay, message.attempt, "", postponed=True, unknown_since=wait.unknown_since
    )


async def outcome_of_unknown_type(payload: dict[str, Any], message_type: str) -> Outcome | None:
    """The outcome of a message whose type another worker lists, or did: it waits. None where none does."""
    workers = _workers(payload, "type_wait")
    if workers is None:
        return None
    message = cast("Message", payload)
    try:
        wait = await workers.type_wait(message, message_type)
    except Exception as error:  # noqa: BLE001 - another worker may still list the type
        _tell_away(error)
        wait = RouteWait(_AWAY, message.unknown_since)
    if wait.delay is None:
        return None
    if wait.unknown_since and not message.unknown_since:
        said = "messages of the type %r wait: the workers that listed it have left the group"
        name = clip(message_type, NAME)
        log.warning(said, name, extra=coalesced_by(said, name))
    return RetryLater("", wait.delay, message.attempt, "", postponed=True, unknown_since=wait.unknown_since)


def _workers(payload: dict[str, Any], method: str) -> WorkerDirectory | None:
    """Who can be asked, where a message can wait at all: its storage settles outcomes."""
    if not isinstance(payload, Message) or payload.outcomes is None:
        return None
    coordinator = payload.coordinator
    return (
        cast("WorkerDirectory", coordinator) if callable(getattr(type(coordinator), method, None)) else None
    )


def _tell_away(error: Exception) -> None:
    said = "the workers of the group cannot be asked what they know, and messages wait: %s"
    log.warning(said, error_line(error), extra=coalesced_by(said))
