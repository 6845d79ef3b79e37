"""Examples of events that are handled differently: a few for each route and change, each with its reasons."""

from __future__ import annotations

from collections.abc import Sequence

from streamroute.config.document import RouteConfig
from streamroute.ops.diff.changes import Change, EventChanges, Example
from streamroute.ops.diff.explanation import explain, payload_differences, redacted_line, refused_as_a_whole
from streamroute.ops.diff.route_comparison import Compared
from streamroute.ops.diff.side import Arrival
from streamroute.payload_redaction import HIDES_NOTHING, PayloadRedactor
from streamroute.text.safe_text import one_line
from streamroute.text.truncation import clip

_LONGEST_NAME = 200  # characters of a type or a label


class EventVersions:
    """An event as both configurations receive it; the refusals are why it is dead-lettered as a whole."""

    __slots__ = ("label", "new", "new_refusal", "old", "old_refusal", "stream")

    def __init__(
        self, label: str, stream: str | None, old: Arrival, new: Arrival, refusals: tuple[str, str]
    ) -> None:
        self.label = label
        self.stream = stream
        self.old, self.new = old, new
        self.old_refusal, self.new_refusal = refusals

    @property
    def type(self) -> str:
        """The event's type, shortened."""
        return clip(one_line(self.new.type or self.old.type), _LONGEST_NAME)


class Examples:
    """Collects up to ``each`` examples of each change of a route, and ``most`` in all: each takes time.

    Their lines show none of the values that ``redactor`` hides.
    """

    def __init__(self, each: int = 3, most: int = 600, *, redactor: PayloadRedactor = HIDES_NOTHING) -> None:
        self._redactor = redactor
        self._each = each
        self._left = most

    def wants(self, changes: EventChanges, change: Change) -> bool:
        """Whether there is room for an example of a change."""
        if self._left <= 0:
            return False
        # Most changes are counted more often than there is room, which is known at once.
        return (
            changes.counts[change] <= self._each
            or sum(example.change is change for example in changes.examples) < self._each
        )

    def add_route(
        self,
        changes: EventChanges,
        versions: tuple[Sequence[RouteConfig], Sequence[RouteConfig]],
        event: EventVersions,
        compared: Compared,
    ) -> None:
        """Add an event that a route handles differently.

        ``versions`` are the old and the new route, each before the other route of its canary, if any.
        """
        assert compared.change is not None  # noqa: S101 - the caller counts changes only
        self._left -= 1
        label = clip(event.label, _LONGEST_NAME)
        if compared.change is Change.DIFFERS:
            keys = (
                redacted_line(key.described(event.old.payload, event.new.payload)) for key in compared.keys
            )
            lines = self._shown(event, (*payload_differences(compared.old or {}, compared.new or {}), *keys))
            changes.examples.append(Example(label, event.type, compared.change, differences=lines))
            return
        reasons = (
            explain(versions[0], event.old.payload, event.stream, event.old_refusal),
            explain(versions[1], event.new.payload, event.stream, event.new_refusal),
        )
        shown = [self._shown(event, lines) for lines in reasons]
        changes.examples.append(Example(label, event.type, compared.change, *shown))

    def add_stream(self, changes: EventChanges, event: EventVersions, change: Change) -> None:
        """Add an event that only one of the configurations dead-letters as a whole."""
        self._left -= 1
        refusals = event.old_refusal, event.new_refusal
        reasons = [(refused_as_a_whole(refusal) if refusal else "delivered",) for refusal in refusals]
        shown = [self._shown(event, lines) for lines in reasons]
        changes.examples.append(Example(clip(event.label, _LONGEST_NAME), event.type, change, *shown))

    def _shown(self, event: EventVersions, lines: Sequence[str]) -> tuple[str, ...]:
        """Return lines about an event without its hidden values."""
        if not self._redactor.is_active:
            return tuple(lines)
        hidden = [
            self._redactor.hidden_in(version.payload, version.fields) for version in (event.old, event.new)
        ]
        return tuple(hidden[1].redact(hidden[0].redact(line)) for line in lines)
