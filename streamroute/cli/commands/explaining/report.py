"""The result of ``explain``: the event, and what configurations do with it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamroute.cli.output.explanation import explained, render_text
from streamroute.cli.output.stored_event import event_data, event_line
from streamroute.cli.output.streams import as_json, printable
from streamroute.cli.output.terminal import wants_color
from streamroute.text.safe_text import safe_str

if TYPE_CHECKING:
    from streamroute.ops.explain.explanation import Explanation
    from streamroute.ops.explain.stored_event import StoredEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainReport:
    """What the configuration ``path`` does with an event; ``event`` is its entry in Redis, if it is one."""

    path: str
    generation: str
    explanation: Explanation
    event: StoredEvent | None = None

    def render(self, output_format: str, *, everything: bool) -> str:
        """Render the report as text or JSON."""
        if output_format == "json":
            return as_json(self._data(everything=everything), safe_str) + "\n"
        now = render_text(self.explanation, everything=everything, color=wants_color(sys.stdout))
        if self.event is None:
            return now
        return f"{event_line(self.event)}\n\n{self._title(self.event)}{now}"

    def _title(self, event: StoredEvent) -> str:
        """Return a line that says whether the configuration is still the one that the event failed in."""
        if event.letter is None:
            return ""
        when = "then and now" if event.letter.generation == self.generation else "now"
        return printable(f"{when}, by {self.path} (config {self.generation}):") + "\n"

    def _data(self, *, everything: bool) -> dict[str, Any]:
        data = {**explained(self.explanation, everything=everything), "generation": self.generation}
        return data if self.event is None else {**data, "entry": event_data(self.event)}
