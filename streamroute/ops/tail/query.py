"""What to show: the streams, where to begin, and which messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Where = Callable[[Mapping[str, Any]], bool]
"""Whether to show a message, by its payload. Raises FilterError if it fails on the payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TailQuery:
    """What to show.

    ``types``, ``where``, ``routes``
        show only messages of these types, whose payload ``where`` accepts, that one of these routes would run
        (with ``explains``: that are of its type); empty or None: all.
    ``redacted``
        ``where`` sees no hidden values.
    ``explains``
        also say why a route does not match.
    ``transforms``
        also show what the handlers receive.
    ``start``
        the id after which each stream is read; empty: from now on.
    ``last``
        how many of the newest messages to show first (without ``start``).
    ``follows``
        whether to wait for further messages.
    ``outcomes``
        show how messages end, by these results (of ``Result``), instead of their arrival; empty: arrivals.
    """

    streams: tuple[str, ...]
    types: frozenset[str] = frozenset()
    where: Where | None = None
    redacted: bool = False
    routes: frozenset[str] = frozenset()
    explains: bool = False
    transforms: bool = False
    start: str = ""
    last: int = 0
    follows: bool = True
    outcomes: frozenset[str] = frozenset()
