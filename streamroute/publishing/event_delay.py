"""Delays of events, and other durations: seconds, or texts as in a configuration."""

from __future__ import annotations

from typing import Final

from streamroute.durations import parse_duration
from streamroute.errors import EncodeError, SetupError, as_delay
from streamroute.text.limits import NAME
from streamroute.text.safe_text import safe_repr

_LONGEST: Final = 365 * 86_400.0


def delay_seconds(delay: object) -> float | None:
    """Return a delay in seconds, or None; raises EncodeError unless it is from 0 seconds to a year."""
    if delay is None:
        return None
    seconds = _parsed(delay) if type(delay) is str else as_delay(delay)
    if seconds is None or type(delay) is bool or not 0 <= seconds <= _LONGEST:
        raise EncodeError(
            f'a delay is a number of seconds or a duration such as "30s", at most a year, and this is '
            f"{safe_repr(delay, NAME)}"
        )
    return seconds


def duration_seconds(duration: object) -> float:
    """Return a duration in seconds; raises SetupError unless it is from a millisecond to a year."""
    seconds = _parsed(duration) if type(duration) is str else as_delay(duration)
    if seconds is None or not 0.001 <= seconds <= _LONGEST:
        raise SetupError(
            f'this is a number of seconds or a duration such as "1d", at most a year, and not '
            f"{safe_repr(duration, NAME)}"
        )
    return seconds


def _parsed(text: str) -> float | None:
    try:
        return parse_duration(text)
    except ValueError:
        return None
