"""The exceptions of streamroute: one small tree.

Mistakes in a configuration are findings (``streamroute.config.findings.finding``), not exceptions;
an exception means that a call failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from streamroute.text.safe_text import safe_repr, safe_str


class StreamrouteError(Exception):
    """Base of all exceptions that streamroute raises on purpose."""


class ConfigError(StreamrouteError):
    """Raised when a configuration with errors is to be run.

    ``findings`` holds all findings, sorted by position.

    >>> try:  # doctest: +SKIP
    ...     routers = compile_routes("routes.yaml")
    ... except ConfigError as error:
    ...     messages = [str(finding) for finding in error.findings]
    """

    def __init__(self, message: str, findings: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class SetupError(StreamrouteError):
    """Raised when a component is used before it is set up, or is set up with something that it cannot use."""


class DecodeError(StreamrouteError):
    """Raised by a codec that cannot decode an entry; the entry is dead-lettered with this reason."""


class CostlyDataError(DecodeError):
    """Raised when validating data takes too many steps; a retry would fail in the same way."""

    def __init__(self) -> None:
        super().__init__("the data is too costly to validate: it was stopped after too many steps")


class EncodeError(StreamrouteError):
    """Raised by a codec that cannot encode an event."""


class PayloadError(StreamrouteError):
    """Raised when an event does not fit the catalogue: its type is unknown, or its data is invalid.

    ``findings`` holds one text for each problem; none contains a value of the data.

    >>> try:  # doctest: +SKIP
    ...     await publisher.publish("bot_events", "booking.confirmed", {}, validate=True)
    ... except PayloadError as error:
    ...     messages = [str(finding) for finding in error.findings]
    """

    def __init__(self, message: str, findings: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings) or (message,)


class RedisUnavailableError(StreamrouteError):
    """Raised when Redis is unreachable or refuses the connection; the text names the address and a remedy."""


class EmbeddedServerError(RedisUnavailableError):
    """Raised when the embedded server cannot run on this machine; the text names an alternative."""


class PublishError(RedisUnavailableError):
    """Raised when Redis fails while several events are published.

    ``ids`` holds the ids of the events that are known to be written: the first ``len(ids)`` ones.
    ``unknown`` is how many of the next may have been written, because the reply is missing; the events after
    those were not sent. An event with an ``id`` of its own can be published again in either case.
    ``__cause__`` is the RedisUnavailableError or SetupError.

    >>> try:  # doctest: +SKIP
    ...     await publisher.publish_many("bot_events", events)
    ... except PublishError as error:
    ...     rest = events[len(error.ids) :]
    """

    def __init__(self, message: str, ids: Sequence[str] = (), unknown: int = 0) -> None:
        super().__init__(message)
        self.ids = tuple(ids)
        self.unknown = unknown


class StuckHandlerError(StreamrouteError):
    """Raised by ``Application.run``: a handler of a stream with ``on_stuck: exit`` is stuck, and ended it."""


class LeaseLostError(StreamrouteError):
    """Raised when another worker has claimed the entry: this worker must not run it or write its outcome."""


_LONGEST_DELAY: Final = 1e10  # seconds: about 300 years; nan and inf are not delays


def as_delay(value: object) -> float | None:
    """Return a delay in seconds; None if it could not be stored: not a number, nan, or over 300 years."""
    value_type = type(value)  # isinstance() would run the code of the object's class
    try:
        # Call the built-in methods: a subclass may override them.
        seconds = float.__float__(value) if issubclass(value_type, float) else int.__float__(value)  # type: ignore[arg-type]  # refused below
    except (TypeError, OverflowError):
        return None
    return seconds if abs(seconds) <= _LONGEST_DELAY else None


class RouteFailure(StreamrouteError):  # noqa: N818 - the base of two outcomes that handlers raise by name
    """Base of the two outcomes that a handler may choose by raising: ``Retry`` and ``Reject``."""


class Retry(RouteFailure):
    """Raised by a handler to run its route again for this message.

    ``delay`` is in seconds; None means the delay of the route's retry policy. Redis keeps a retry for a year
    at most. The attempt counts: after the policy's ``max_attempts``, the message is dead-lettered. Any other
    ``delay`` raises TypeError, which is then an ordinary failure of the handler.

    >>> raise Retry(delay=30, reason="the bank is closed")  # doctest: +SKIP
    """

    def __init__(self, delay: float | None = None, reason: str = "") -> None:
        if delay is not None and as_delay(delay) is None:
            raise TypeError(f"Retry(delay=...) takes a number of seconds, not {safe_repr(delay, 80)}")
        super().__init__(reason or "the handler asked for a retry")
        self.delay = delay


class Postpone(Retry):
    """Raised when a route has to wait for a reason other than a failure: the attempt does not count.

    ``delay`` is in seconds.
    """

    def __init__(self, delay: float, reason: str = "") -> None:
        super().__init__(delay, reason or "the route has to wait")


class Reject(RouteFailure):
    """Raised by a handler to dead-letter the message at once, for its own route only.

    >>> raise Reject("no price")  # doctest: +SKIP
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or "the handler rejected the message")
        self.reason = safe_str(self)
