"""The result of ``streamroute diff`` for its renderers, and the phrases that they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from streamroute.ops.diff.changes import Change, ConfigDiff, EventChanges, RouteDiff
from streamroute.ops.diff.settings import SettingChange
from streamroute.text.counted import pluralize

_PHRASES: Final[Mapping[Change, tuple[str, str]]] = {
    Change.COMES: ("comes", "come"),
    Change.GOES: ("goes", "go"),
    Change.DIFFERS: ("is handled differently", "are handled differently"),
    Change.FAILS: ("is dead-lettered", "are dead-lettered"),
    Change.RECOVERS: ("is not dead-lettered any more", "are not dead-lettered any more"),
}
"""What happens to one event and to several."""


@dataclass(frozen=True, slots=True)
class DiffReport:
    """A difference, the names of the two configurations, and what was compared: ``1,000 entries of x``.

    ``gated`` are the routes of ``--fail-on-change`` that change.
    """

    old: str
    new: str
    source: str
    diff: ConfigDiff
    gated: tuple[str, ...] = ()

    @property
    def changed(self) -> list[RouteDiff]:
        """The routes that change."""
        return [route for route in self.diff.routes if route.status != "same"]

    @property
    def same(self) -> list[RouteDiff]:
        """The other routes."""
        return [route for route in self.diff.routes if route.status == "same"]

    @property
    def summary(self) -> str:
        """One sentence: ``2 of 5 routes change: 12 come, 3 go; 3 stay the same``."""
        total = pluralize(len(self.diff.routes), "route")
        if not self.changed:
            return f"no change in {total}" if self.diff.routes else "there is no route to compare"
        counts = counted(self.diff.totals)
        verb = "changes" if len(self.changed) == 1 else "change"
        changing = f"{len(self.changed)} of {total} {verb}{f': {counts}' if counts else ''}"
        stay = f"{len(self.same)} {'stays' if len(self.same) == 1 else 'stay'} the same"
        return f"{changing}; {stay}" if self.same else changing


def event_phrase(change: Change, count: int) -> str:
    """Return e.g. ``1 comes`` or ``2 come``."""
    return f"{count:,} {_PHRASES[change][count != 1]}"


def counted(counts: Mapping[Change, int]) -> str:
    """Return the counts as a list in words; empty if there are none."""
    return ", ".join(event_phrase(change, counts[change]) for change in Change if counts.get(change))


def headline(route: RouteDiff) -> str:
    """Return what changes for a route: ``added: 5 come``, ``3 go``, or that it is the same."""
    counts = counted(route.events.counts)
    if route.status == "same":
        return f"same{_without_effect(route.settings)}"
    if route.status == "changed":
        return counts or "no event differs, but its settings do"
    return f"{route.status}: {counts or 'no event is affected'}"


def _without_effect(settings: Iterable[SettingChange]) -> str:
    names = [change.setting for change in settings]
    return f", although {joined(names)} {'differs' if len(names) == 1 else 'differ'}" if names else ""


def joined(words: Iterable[str]) -> str:
    """Return words as a list: ``a, b and c``."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def causes(events: EventChanges) -> str:
    """Return by which settings how many events are handled differently; empty if there are none."""
    return ", ".join(f"{setting}: {count:,}" for setting, count in events.causes.most_common())
