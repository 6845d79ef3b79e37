"""Chooses the old entries of a replay, and the routes in which each runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from streamroute.compiler.dry_run import route_filter
from streamroute.core.dispatch.outcomes import type_of
from streamroute.errors import DecodeError, StreamrouteError
from streamroute.expansion import is_expanding
from streamroute.expressions.filters import FilterError, compile_route_filter
from streamroute.message import ExpandingMessage
from streamroute.ops.route_tests.delivery import codec_of, received

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.document import RouteConfig
    from streamroute.ops.replay.selection import ReplaySelection

Accepts = Callable[[Any], bool]


class ReplayVerdict(StrEnum):
    """What a replay does with an entry; the values are names of a job's counts."""

    QUEUED = "queued"
    NOT_CHOSEN = "not_chosen"
    """No chosen route takes its type, or no filter accepts it."""
    UNREADABLE = "unreadable"
    """It cannot be decoded, its data is invalid, or it has no type: no route runs."""
    FILTER_FAILED = "filter_failed"
    """The filter of the replay itself fails."""


@dataclass(frozen=True, slots=True)
class EntryVerdict:
    """What a replay does with an entry: ``routes`` are those in which it runs, if it is queued."""

    verdict: ReplayVerdict
    routes: tuple[str, ...] = ()


class EntryChoice:
    """Decides as new entries are decided: by codec, schema, type and filter of the configuration.

    An entry on which a route's filter fails is queued for the route, which dead-letters it as a new one. A
    canary and its partner are chosen by their own filters alone: a replay names its routes. Raises
    StreamrouteError if the stream's own codec was not imported.
    """

    def __init__(self, compiled: Compiled, selection: ReplaySelection) -> None:
        codec = codec_of(compiled, selection.stream)
        if codec is None:
            raise StreamrouteError(f'the codec of the stream "{selection.stream}" was not imported')
        self._compiled = compiled
        self._stream = selection.stream
        self._codec: Codec = codec
        chosen = [route.config for route in compiled.routes if route.config.name in selection.routes]
        self._routes = [(route, None if selection.no_filter else route_filter(route)) for route in chosen]
        self._wanted = None if selection.filter is None else _own_filter(selection.filter)

    def of(self, fields: Mapping[bytes, bytes]) -> EntryVerdict:
        """Decide one entry by its fields."""
        try:
            payload = received(self._compiled, self._stream, self._codec, dict(fields))
        except DecodeError:
            return EntryVerdict(ReplayVerdict.UNREADABLE)
        if not type_of(payload):
            return EntryVerdict(ReplayVerdict.UNREADABLE)
        message = ExpandingMessage(payload) if is_expanding(payload) else payload
        routes = tuple(route.name for route, accepts in self._routes if _takes(route, accepts, message))
        if not routes:
            return EntryVerdict(ReplayVerdict.NOT_CHOSEN)
        try:
            if self._wanted is not None and not self._wanted(message):
                return EntryVerdict(ReplayVerdict.NOT_CHOSEN)
        except FilterError:
            return EntryVerdict(ReplayVerdict.FILTER_FAILED)
        return EntryVerdict(ReplayVerdict.QUEUED, routes)


def _takes(route: RouteConfig, accepts: Accepts | None, message: Mapping[str, Any]) -> bool:
    """Whether a route runs for a message, or dead-letters it because its filter fails."""
    if type_of(message) not in route.types:
        return False
    try:
        return accepts is None or accepts(message)
    except FilterError:
        return True


def _own_filter(expression: str) -> Accepts:
    return compile_route_filter(expression, ignores_errors=False, warn=_ignore)


def _ignore(_error: Exception) -> None:
    """Log nothing: entries on which the filter fails are counted."""


def counted(verdicts: Sequence[EntryVerdict]) -> dict[str, int]:
    """Return how many entries were looked at, and how many have each verdict."""
    counts = {"looked_at": len(verdicts)}
    for each in verdicts:
        counts[each.verdict.value] = counts.get(each.verdict.value, 0) + 1
    return counts


@dataclass(slots=True)
class ReplayCount:
    """What a replay would do with the entries of its range; ``routes`` counts those queued for each route."""

    counts: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)

    def add(self, verdicts: Sequence[EntryVerdict]) -> None:
        """Count some entries."""
        self.counts.update(counted(verdicts))
        for each in verdicts:
            self.routes.update(each.routes)
