"""Dedupe: a route runs once for each value of its key.

The key is a JMESPath expression over the message. A message with a null or missing key always runs. The
storage decides whether a message runs, waits or is skipped, and records the result atomically with the
acknowledgment; a storage that cannot do so is rejected, since a booking could be charged twice.
"""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from streamroute.compiler.canonical_json import canonical_json
from streamroute.core.dispatch.routes import route_key, wrapped_handler
from streamroute.core.observer import Result
from streamroute.errors import LeaseLostError, Postpone, Reject, SetupError
from streamroute.expressions.filters import failure_text
from streamroute.logs.coalescing import coalesced_by
from streamroute.logs.exception_text import error_line
from streamroute.message import Message
from streamroute.values import DedupeDecision

if TYPE_CHECKING:
    from streamroute.compiler.runtime.route_handler import RouteHandler
    from streamroute.core.router import HandlerFunc

log = logging.getLogger(__name__)

_SHORTEST_WAIT: Final = 0.5  # seconds
_LONGEST_WAIT: Final = 30.0
_UNAVAILABLE_DELAY: Final = 1.0

Evaluate = Callable[[Mapping[str, Any]], Any]


class Deduplicates(Protocol):
    """The dedupe interface of a storage (``Delivery.coordinator``).

    Of the messages of a group with the same ``digest`` for a route, one runs at a time, and none runs within
    ``ttl`` seconds after one that succeeded. The running message holds a lock (``Delivery.dedupe_locks``)
    until it is settled.
    """

    async def begin(
        self, message: Message, route: str, digest: str, ttl: float, formerly: Sequence[str] = ()
    ) -> tuple[DedupeDecision, float]:
        """Request the key; return the decision, and for how many seconds another message has held the key.

        Keys under the route's former names count, too.
        """
        ...


def with_dedupe(
    handler: HandlerFunc, evaluate: Evaluate, ttl: float, shared: Sequence[str] = ()
) -> HandlerFunc:
    """Wrap a route's handler to run once for each value of its key; ``ttl`` is in seconds.

    ``shared`` are names of routes that do the same work: a message that one of them ran is a duplicate here.
    """
    name, formerly = route_key(handler), getattr(handler, "formerly", ())
    others = (*formerly, *shared)
    return wrapped_handler(handler, lambda run: _deduplicated(run, name, others, evaluate, ttl))


def _deduplicated(
    handler: HandlerFunc, name: str, others: Sequence[str], evaluate: Evaluate, ttl: float
) -> RouteHandler:

    async def route(payload: dict[str, Any], container: Any) -> Result | None:
        key = _key(evaluate, payload)
        if key is None:
            await handler(payload, container)
            return None
        message, storage = _coordinator(name, payload)
        try:
            decision, waited = await storage.begin(message, name, key, ttl, others)
        except Exception as error:
            # The key's state is unknown. The route has not started, so this is not a failure: postpone it.
            template = "route %s waits, since its dedupe key could not be requested: %s"
            log.warning(template, name, error_line(error), extra=coalesced_by(template, name))
            raise Postpone(
                _UNAVAILABLE_DELAY, f"could not request the dedupe key: {error_line(error)}"
            ) from error
        if decision is DedupeDecision.LOST:
            raise LeaseLostError(f"the entry of message {message.id} is another worker's")
        if decision is DedupeDecision.SKIP:
            return Result.SKIPPED
        if decision is DedupeDecision.WAIT:
            raise Postpone(wait_time(waited), "another message with the same dedupe key is running")
        await handler(payload, container)
        locks = message.delivery.dedupe_locks
        if locks is not None and name in locks:
            locks[name].succeeded = True
        return None

    route.__name__ = route.__qualname__ = name
    return route


def digest(value: Any) -> str:
    """A hash that is equal for two values exactly if they are equal in JMESPath.

    Raises ExpansionError for a value that would be far larger as text.
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:32]


def wait_time(waited: float) -> float:
    """Seconds to wait, with jitter, if another message has held the key for ``waited`` seconds."""
    plain = min(max(waited / 2, _SHORTEST_WAIT), _LONGEST_WAIT)
    return plain * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret


def _key(evaluate: Evaluate, payload: dict[str, Any]) -> str | None:
    """The digest of the key's value; None for null. Raises Reject, since a retry would fail, too."""
    try:
        value = evaluate(payload)
        return None if value is None else digest(value)
    except BaseException as error:
        raise Reject(f"could not evaluate the dedupe key: {failure_text(error)}") from error


def _coordinator(route: str, payload: dict[str, Any]) -> tuple[Message, Deduplicates]:
    if not isinstance(payload, Message) or payload.delivery.coordinator is None:
        raise SetupError(
            f"the route {route!r} has dedupe, which needs a message of RedisStreamStorage or "
            "MemoryStreamStorage; this message came from elsewhere, and would run twice"
        )
    return payload, cast("Deduplicates", payload.delivery.coordinator)
