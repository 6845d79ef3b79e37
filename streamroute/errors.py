"""The exceptions of streamroute: one small tree.

Mistakes in a configuration are not exceptions but findings (``streamroute.config.findings.finding``);
an exception means that a call could not do what it was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from streamroute.text.safe_text import safe_repr, safe_str


class StreamrouteError(Exception):
    """Base of everything that streamroute raises on purpose."""


class ConfigError(StreamrouteError):
    """Raised when a configuration with errors is asked to run.

    ``findings`` holds every finding of the run, sorted by place.
    """

    def __init__(self, message: str, findings: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class SetupError(StreamrouteError):
    """Raised when a part is used before it was given what it needs, or is given what it cannot use."""


class DecodeError(StreamrouteError):
    """Raised by a codec for an entry that it cannot read; the entry is dead-lettered with this reason."""


class CostlyDataError(DecodeError):
    """Raised for data that takes too many steps to be validated; the same would happen again."""

    def __init__(self) -> None:
        super().__init__("the data is too costly to validate: it was stopped after too many steps")


class EncodeError(StreamrouteError):
    """Raised by a codec for an event that it cannot write."""


class RedisUnavailableError(StreamrouteError):
    """Raised when Redis cannot be reached or refuses us; the text says which address and what to do."""


class EmbeddedServerError(RedisUnavailableError):
    """Raised when the embedded server cannot run here; the text says what to set instead."""


class LeaseLostError(StreamrouteError):
    """Raised where an entry is another worker's by now: nothing more of it may run or be written here."""


_LONGEST_DELAY: Final = 1e10  # seconds: three hundred years; nan and inf are no delays


def as_delay(value: object) -> float | None:
    """A delay in seconds; None for what could never be written: no number, nan, hundreds of years."""
    kind = type(value)  # isinstance() would run the code of the object's class
    try:
        # The methods of the built-in numbers: a subclass may define others.
        seconds = float.__float__(value) if issubclass(kind, float) else int.__float__(value)  # type: ignore[arg-type]  # refused below
    except (TypeError, OverflowError):
        return None
    return seconds if abs(seconds) <= _LONGEST_DELAY else None


class RouteFailure(StreamrouteError):  # noqa: N818 - the base of two outcomes that handlers raise by name
    """Base of the two outcomes that a handler may choose by raising: ``Retry`` and ``Reject``."""


class Retry(RouteFailure):
    """Raised by a handler to have its route run again for this message.

    ``delay`` is in seconds, and Redis keeps a retry for a year at most; None leaves it to the route's retry
    policy. The attempt counts: when the policy's ``max_attempts`` is spent, the message goes to the dead
    letters. Anything else as a delay is a TypeError, and so a failure of the handler like any other: such a
    retry could never be written.
    """

    def __init__(self, delay: float | None = None, reason: str = "") -> None:
        if delay is not None and as_delay(delay) is None:
            raise TypeError(f"Retry(delay=...) takes a number of seconds, not {safe_repr(delay, 80)}")
        super().__init__(reason or "the handler asked for a retry")
        self.delay = delay


class Postpone(Retry):
    """Raised where a route has to wait for something that is not its fault: the attempt does not count.

    ``delay`` is in seconds.
    """

    def __init__(self, delay: float, reason: str = "") -> None:
        super().__init__(delay, reason or "the route has to wait")


class Reject(RouteFailure):
    """Raised by a handler to send the message straight to the dead letters, for its route alone."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or "the handler rejected the message")
        self.reason = safe_str(self)
