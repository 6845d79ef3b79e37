"""Normalize values that are almost in the required form: ``1 minute``, ``shop/handlers.py:welcome``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

from streamroute.durations import format_duration, parse_duration

_UNITS: Final[Mapping[str, str]] = {
    spelling: unit
    for unit, spellings in {
        "ms": "ms msec msecs millis millisecond milliseconds",
        "s": "s sec secs second seconds",
        "m": "m min mins minute minutes",
        "h": "h hr hrs hour hours",
        "d": "d day days",
    }.items()
    for spelling in spellings.split()
}
_MAX_VALUE_LENGTH: Final = 1_000
_PART: Final = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([a-zA-Z]+)")
_ISO: Final = re.compile(r"P(?:([0-9]{1,9})D)?T?(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})S)?")
_HOST: Final = re.compile(r"(?:redis:/{0,2})?([A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[0-9]{1,3})?)", re.ASCII)
_SIGNED: Final = re.compile(r"\s*[-+]\s*[0-9]")
_CALL: Final = re.compile(r"\([^()]*\)$")


def normalized_guess(value: str, pattern: str) -> str | None:
    """Return ``value`` in the form of ``pattern``, or None if there is no safe guess."""
    if len(value) > _MAX_VALUE_LENGTH:
        return None
    fits = re.compile(pattern).search
    guesses = (guess(value) for guess in _GUESSES)
    return next((guess for guess in guesses if guess and guess != value and fits(guess)), None)


def _duration(value: str) -> str | None:
    """Normalize ``1 minute``, ``1m30s`` and ``PT30S``."""
    parts = _parts(value.strip())
    if not parts:
        return None
    return format_duration(sum(parse_duration(part) for part in parts))


def _parts(value: str) -> list[str]:
    iso = _ISO.fullmatch(value)
    if iso:
        return [f"{count}{unit}" for count, unit in zip(iso.groups(), "dhms", strict=True) if count]
    parts = [(match[1], _UNITS.get(match[2].lower())) for match in _PART.finditer(value)]
    if _PART.sub("", value).strip() or not all(unit for _, unit in parts):
        return []
    return [f"{count}{unit}" for count, unit in parts]


def _dotted_path(value: str) -> str | None:
    """Normalize ``./shop/handlers.py:welcome`` and ``shop.handlers.welcome()``."""
    path = _CALL.sub("", value.strip()).removeprefix("./")
    if path.endswith(".py"):
        return None
    return path.replace(".py:", ":").replace("::", ":").replace("/", ".")


def _built_in(value: str) -> str | None:
    """Complete the name of a built-in handler, such as ``log``."""
    return f"streamroute.handlers.{value}" if value in ("forward", "log", "webhook") else None


def _address(value: str) -> str | None:
    """Normalize ``localhost:6379``."""
    host = _HOST.fullmatch(value)
    return f"redis://{host[1]}" if host else None


def _name(value: str) -> str | None:
    """Normalize ``Welcome VIP``; reject a signed number, whose meaning would change without its sign."""
    if _SIGNED.match(value):
        return None
    plain = unicodedata.normalize("NFKD", value.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9._]+", "-", plain).strip("-._")


_GUESSES: Final[tuple[Callable[[str], str | None], ...]] = (
    _duration,
    _address,
    _built_in,
    _dotted_path,
    _name,
)
