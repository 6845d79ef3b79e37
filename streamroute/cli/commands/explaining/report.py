"""The answer of ``explain``: the event, and what configurations do with it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamroute.cli.output.explanation import explained, render_text
from streamroute.cli.output.layout import OutputLayout
from streamroute.cli.output.stored_event import event_data, event_line
from streamroute.cli.output.streams import printable
from streamroute.cli.output.tables.wrapping import hang
from streamroute.text.json_text import as_json
from streamroute.text.safe_text import safe_str
from streamroute.text.times import time_text

if TYPE_CHECKING:
    from streamroute.ops.explain.explanation import Explanation
    from streamroute.ops.explain.stored_event import StoredEvent


@dataclass(frozen=True, slots=True)
class Past:
    """What a stored generation does with an event; ``since`` is when it became the current one.

    ``problem`` is the reason why the generation could not be read; then there is no explanation.
    """

    generation: str
    since: float = 0.0
    explanation: Explanation | None = None
    problem: str | None = None

    def render(self, *, everything: bool) -> str:
        """Render the explanation as text, with a title."""
        if self.explanation is None:
            return printable(f"then, by generation {self.generation}: {self.problem}") + "\n"
        title = printable(f"then, by generation {self.generation} of {time_text(self.since)}:")
        return f"{title}\n{_text(self.explanation, everything=everything)}"

    def data(self, *, everything: bool) -> dict[str, Any]:
        """Return the explanation as an object for JSON."""
        found = {} if self.explanation is None else explained(self.explanation, everything=everything)
        since = time_text(self.since) or None
        return {"generation": self.generation, "since": since, "problem": self.problem, **found}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainReport:
    """What the configuration ``path`` does with an event, and what a stored generation did (``past``).

    ``event`` is the event's entry in Redis, if it is one.
    """

    path: str
    generation: str
    explanation: Explanation
    event: StoredEvent | None = None
    past: Past | None = None

    def render(self, output_format: str, *, everything: bool) -> str:
        """Render the report as text or JSON."""
        if output_format == "json":
            return as_json(self._data(everything=everything), safe_str) + "\n"
        parts = [self._title() + _text(self.explanation, everything=everything)]
        if self.past is not None:
            parts.insert(0, self.past.render(everything=everything))
        if self.event is not None:
            parts.insert(0, hang(event_line(self.event), OutputLayout.of(sys.stdout).width, 2) + "\n")
        return "\n".join(parts)

    def _title(self) -> str:
        """Return a line that tells this explanation from that of the past; empty if there is no other."""
        letter = None if self.event is None else self.event.letter
        if self.past is None and letter is None:
            return ""
        same = self.past is None and letter is not None and letter.generation == self.generation
        when = "then and now" if same else "now"
        return printable(f"{when}, by {self.path} (generation {self.generation}):") + "\n"

    def _data(self, *, everything: bool) -> dict[str, Any]:
        data = {**explained(self.explanation, everything=everything), "generation": self.generation}
        if self.event is not None:
            data["entry"] = event_data(self.event)
        if self.past is not None:
            data["then"] = self.past.data(everything=everything)
        return data


def _text(explanation: Explanation, *, everything: bool) -> str:
    return render_text(explanation, everything=everything, layout=OutputLayout.of(sys.stdout))
