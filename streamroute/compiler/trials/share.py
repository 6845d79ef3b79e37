"""The share of a canary: which values of its key it takes.

A value has a position from 0 to 9,999: the blake2b hash (8 bytes, big-endian) of the route's name, a line
break and the value's canonical JSON, modulo 10,000. The route takes the positions below its percentage, so
that all workers agree, and a value that is taken at 5 percent is also taken at 10. The name is part of the
hash: the canaries of different routes take different values, and a renamed canary takes others than before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from streamroute.compiler.canonical_json import canonical_json
from streamroute.expressions.filters import failure_text
from streamroute.expressions.values import compile_value
from streamroute.logs.coalescing import NEVER_COALESCED

log = logging.getLogger(__name__)

POSITIONS: Final = 10_000


def position_of(name: str, value: Any) -> int:
    """Return the position of a key's value for the route ``name``, from 0 to 9,999.

    Raises ExpansionError for a value that would be far larger as text.
    """
    text = f"{name}\n{canonical_json(value)}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") % POSITIONS


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a message falls: its key's ``value`` and position, and whether the share includes it.

    ``position`` is None if the value is null or missing, or if the key failed (``error``): the share never
    includes such a message.
    """

    value: Any = None
    position: int | None = None
    is_included: bool = False
    error: str = ""


class Share:
    """The share of one canary: a percentage of the values of its key."""

    def __init__(self, name: str, key: str, percent: float) -> None:
        """``name`` is the route's. Raises ExpressionError for a key that fails on every message."""
        self._name = name
        self._key = key
        self._evaluate: Callable[[Any], Any] = compile_value(key)
        self._end = round(percent * POSITIONS / 100)
        self._has_warned = False

    def includes(self, payload: Mapping[str, Any]) -> bool:
        """Whether the share includes a message; not if its key fails, of which the first is logged."""
        try:
            value = self._evaluate(payload)
            return value is not None and position_of(self._name, value) < self._end
        except BaseException as error:  # noqa: BLE001 - the other route takes the message
            if not self._has_warned:
                self._has_warned = True
                template = "canary %s: its key %s failed, so it does not take the message: %s (logged once)"
                log.warning(template, self._name, self._key, failure_text(error), extra=NEVER_COALESCED)
            return False

    def place(self, payload: Mapping[str, Any]) -> Placement:
        """Return where a message falls, for an explanation."""
        try:
            value = self._evaluate(payload)
            if value is None:
                return Placement()
            position = position_of(self._name, value)
        except Exception as error:  # noqa: BLE001 - as in ``includes``, except for an interrupt of the user
            return Placement(error=failure_text(error))
        return Placement(value, position, position < self._end)
