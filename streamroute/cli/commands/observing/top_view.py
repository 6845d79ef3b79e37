"""The state of ``top`` on a terminal: what it shows, in which order, and what a key changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamroute.cli.output.layout import OutputLayout
from streamroute.cli.output.status.top_text import route_screen, sums
from streamroute.cli.output.streams import printable
from streamroute.cli.output.tables.wrapping import wrap
from streamroute.ops.status.ranking import Ranking, rank
from streamroute.text.display_width import shorten

if TYPE_CHECKING:
    from streamroute.ops.status.stream_status import Status

_ORDERS: Final = {"r": Ranking.RATE, "l": Ranking.LATENCY, "f": Ranking.FAILURES}
_ENTER: Final = ("\r", "\n")
_ESCAPE: Final = "\x1b"
_DELETE: Final = ("\x7f", "\b")
_LONGEST_FILTER: Final = 60
_MAX_PROBLEM_LINES: Final = 4
_KEYS_HELP: Final = "r rate, l latency, f failures, / filter, q quit"


@dataclass(slots=True)
class TopView:
    """What the screen shows; ``problem`` is why there is no newer status (empty: there is one)."""

    ranking: Ranking = Ranking.RATE
    filter: str = ""
    status: Status | None = None
    problem: str = ""
    is_editing: bool = False
    is_done: bool = False

    def press(self, keys: str) -> None:
        """Handle keys as the terminal sends them; the sequence of a special key is ignored."""
        if keys.startswith(_ESCAPE) and len(keys) > 1:
            return
        for key in keys:
            if self.is_editing:
                self._edit(key)
            elif key == "q":
                self.is_done = True
            elif key == "/":
                self.is_editing, self.filter = True, ""
            elif key == _ESCAPE:
                self.filter = ""
            elif key in _ORDERS:
                self.ranking = _ORDERS[key]

    def _edit(self, key: str) -> None:
        if key in _ENTER:
            self.is_editing = False
        elif key == _ESCAPE:
            self.is_editing, self.filter = False, ""
        elif key in _DELETE:
            self.filter = self.filter[:-1]
        elif key.isprintable() and len(self.filter) < _LONGEST_FILTER:
            self.filter += key

    def screen(self, width: int, height: int) -> str:
        """Return the text of the screen, at most ``height`` lines of ``width`` columns."""
        lines = [shorten(f"by {self.ranking}   ({_KEYS_HELP})", width)]
        if self.filter or self.is_editing:
            cursor = "_" if self.is_editing else ""
            lines.append(shorten(f"filter: {printable(self.filter)}{cursor}", width))
        if self.problem:
            lines += wrap(printable(self.problem), width, _MAX_PROBLEM_LINES)
        if self.status is not None:
            routes = rank(self.status, self.ranking, self.filter)
            lines += [shorten(sums(self.status), width), ""]
            lines += route_screen(routes, OutputLayout(width), height - len(lines))
        return "\n".join(lines[:height])
