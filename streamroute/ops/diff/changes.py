"""What changes for the events of a route or a stream, counted, with examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from streamroute.ops.diff.pairs import RoutePair
from streamroute.ops.diff.settings import SettingChange


class Change(StrEnum):
    """How the new configuration handles an event of a route, compared with the old one."""

    COMES = "comes"
    """The handler runs, and did not before."""
    GOES = "goes"
    """The handler does not run any more."""
    DIFFERS = "differs"
    """The handler runs in both, but differently."""
    FAILS = "fails"
    """The event is dead-lettered, and was not before; the handler ran neither before nor now."""
    RECOVERS = "recovers"
    """The event is not dead-lettered any more; the handler ran neither before nor now."""

    @property
    def reverse(self) -> Change:
        """The change if the two configurations were exchanged."""
        return _REVERSED.get(self, self)


_REVERSED = {
    Change.COMES: Change.GOES,
    Change.GOES: Change.COMES,
    Change.FAILS: Change.RECOVERS,
    Change.RECOVERS: Change.FAILS,
}


class Example(NamedTuple):
    """An event that is handled differently.

    ``label`` is its entry id or line number. ``old`` and ``new`` are lines: the operands that decided in each
    configuration. ``differences`` are lines about an event that is handled by both.
    """

    label: str
    type: str
    change: Change
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()


@dataclass(slots=True)
class EventChanges:
    """The changes of all events; ``causes`` counts, by setting, the events that are handled differently."""

    counts: Counter[Change] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The number of events for which anything changes."""
        return self.counts.total()


@dataclass(slots=True)
class RouteDiff:
    """The difference of one route."""

    pair: RoutePair
    settings: list[SettingChange]
    events: EventChanges = field(default_factory=EventChanges)

    @property
    def name(self) -> str:
        """The route's name in the new configuration, or its last one."""
        return self.pair.name

    @property
    def status(self) -> str:
        """``added``, ``removed``, ``changed`` or ``same``."""
        if self.pair.old is None:
            return "added"
        if self.pair.new is None:
            return "removed"
        return "changed" if self.has_changed else "same"

    @property
    def has_changed(self) -> bool:
        """Whether any event is handled differently, or a setting differs that applies to all events."""
        is_in_both = self.pair.old is not None and self.pair.new is not None
        return not is_in_both or self.events.total > 0 or any(change.certain for change in self.settings)


@dataclass(slots=True)
class StreamDiff:
    """The difference of one stream; ``events`` counts those that are dead-lettered as a whole."""

    name: str
    is_in_old: bool
    is_in_new: bool
    settings: list[SettingChange]
    events: EventChanges = field(default_factory=EventChanges)

    @property
    def status(self) -> str:
        """``added``, ``removed``, ``changed`` or ``same``."""
        if not self.is_in_old:
            return "added"
        if not self.is_in_new:
            return "removed"
        return "changed" if self.settings or self.events.total else "same"


@dataclass(frozen=True, slots=True)
class ConfigDiff:
    """The difference of two configurations over a number of events.

    ``settings`` are those of the whole configuration.
    """

    routes: list[RouteDiff]
    streams: list[StreamDiff]
    settings: list[SettingChange]
    events: int

    @property
    def totals(self) -> Mapping[Change, int]:
        """The changes of all routes; an event counts once for each route."""
        return sum((route.events.counts for route in self.routes), Counter[Change]())
