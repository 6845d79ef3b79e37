"""Templates: Jinja2 with escaping, without undefined values, and with the filters that all pages share."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from streamroute.text.counted import counted
from streamroute.text.truncation import clip

_MAX_TEXT: Final = 20_000  # characters of one value


def create_environment() -> Environment:
    """Return the environment of all templates; an undefined value is an error, never an empty text."""
    environment = Environment(
        loader=PackageLoader("streamroute.board", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ago": ago,
        "count": count,
        "duration": duration,
        "moment": moment,
        "pluralize": counted,
        "rate": rate,
        "until": until,
        "urlencode": address_part,
        "bounded": bounded,
    }
    return environment


def bounded(value: object, limit: int = _MAX_TEXT) -> str:
    """Return a text of at most ``limit`` characters."""
    return clip(str(value), limit)


def address_part(value: object) -> str:
    """Return a text as a part of an address; half of a pair of surrogates, which has no UTF-8, as ``?``."""
    return quote(str(value), safe="", errors="replace")


def count(number: float | None) -> str:
    """Return a number with separators of thousands, as the commands do; a dash if there is none."""
    return "-" if number is None or not math.isfinite(number) else f"{int(number):,}"


def rate(per_second: float | None) -> str:
    """Return a rate with a unit."""
    if per_second is None:
        return "-"
    if per_second == 0:
        return "0"
    if per_second >= 1000:
        return f"{count(per_second)}/s"
    return f"{per_second:.3g}/s" if per_second >= 0.1 else f"{per_second * 60:.2g}/min"


def duration(seconds: float | None) -> str:
    """Return seconds in the largest unit that fits: ``340 ms``, ``12 s``, ``3 min``, ``2 h``, ``5 d``."""
    if seconds is None:
        return "-"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def moment(milliseconds: float | None) -> str:
    """Return a time (ms since the epoch) in UTC; a dash if it is unknown or out of range."""
    if milliseconds is None:
        return "-"
    try:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return "-"
    return at.strftime("%Y-%m-%d %H:%M:%S")


def ago(milliseconds: int | None, now: int) -> Markup:
    """Return how long ago a time was, with the time itself as a tooltip."""
    if milliseconds is None:
        return Markup("-")
    text = duration(max(0, now - milliseconds) / 1000)
    return Markup('<time title="{} UTC">{} ago</time>').format(escape(moment(milliseconds)), escape(text))


def until(milliseconds: int | None, now: int) -> str:
    """Return the time until a moment (both in ms since the epoch); ``now`` if it has passed."""
    if milliseconds is None:
        return "-"
    return f"in {duration((milliseconds - now) / 1000)}" if milliseconds > now else "now"
