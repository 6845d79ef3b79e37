"""Bound the time of a backtracking engine by counting the ways in which a pattern can match the same text.

The pattern becomes a graph of its characters, with an edge to each character that may come next. If two
edges from a character accept the same next character, an engine tries both. Outside loops that doubles the
work; inside a loop it multiplies the work by the length of the text; if both paths meet again in the same
loop, it doubles the work with each character (exponential time).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from streamroute.config.regex.char_sets import EVERYTHING, Ranges, overlap
from streamroute.config.regex.syntax import (
    Alternation,
    Assertion,
    Backreference,
    CharSet,
    Lookaround,
    RegexNode,
    Repetition,
    parts_of,
)

_MAX_CHARACTERS: Final = 400  # of a pattern, its repetitions written out
_MAX_EDGES: Final = 8_000
_MAX_IN_LOOP: Final = 40
_MAX_COMPARED: Final = 50_000  # ranges of characters
_START: Final = 0


@dataclass(frozen=True, slots=True)
class Effort:
    """A bound on the steps of a backtracking engine: ``ways * n ** degree`` for n characters.

    ``is_exponential``: no such bound exists, and some text is known to take exponential time.
    """

    ways: int
    degree: int
    is_exponential: bool = False
    is_known: bool = True
    compared: int = 0
    """The work spent on the analysis."""

    def within(self, length: int, most: int) -> bool:
        """Whether a text of that length takes at most ``most`` steps."""
        if not self.is_known or self.is_exponential or self.ways > most:
            return False
        steps: int = self.ways * (length + 1) ** self.degree
        return steps <= most


UNKNOWN: Final = Effort(1, 1, is_known=False)
_ANY_TEXT: Final = Repetition(CharSet(EVERYTHING), 0, None)


class _TooLargeError(Exception):
    """Raised for a pattern that is too large to analyze."""


@lru_cache(maxsize=1024)
def effort(root: RegexNode, *, is_anchored: bool) -> Effort:
    """Return the effort of a search, which restarts at each character if the pattern is not anchored."""
    graph = _Graph()
    try:
        result = _effort(graph, root, is_anchored=is_anchored)
    except _TooLargeError:
        result = UNKNOWN
    return replace(result, compared=graph.size + graph.compared)


def _effort(graph: _Graph, root: RegexNode, *, is_anchored: bool) -> Effort:
    _, first, _ = graph.add(root)
    graph.link([_START], first)
    loops = [each for each in _components(graph.edges) if _is_loop(graph.edges, each)]
    inside = {position for loop in loops for position in loop}
    doubtful = {position for position in range(len(graph.chars)) if graph.is_doubtful(position)}
    if any(len(loop) > _MAX_IN_LOOP and doubtful & set(loop) for loop in loops):
        return UNKNOWN
    ways = 2 ** min(len(doubtful - inside), 60)
    if any(graph.is_ambiguous(loop) for loop in loops):
        return Effort(ways, 1, is_exponential=True)
    restarts = 0 if is_anchored or not loops else 1
    return Effort(ways, 1 + len(doubtful & inside) + restarts)


@dataclass(slots=True)
class _Graph:
    """The numbered characters of a pattern, with edges to possible successors; 0 is the start of the text."""

    chars: list[Ranges] = field(default_factory=lambda: [()])
    edges: list[Counter[int]] = field(default_factory=lambda: [Counter()])
    size: int = 0
    compared: int = 0

    def link(self, last: list[int], first: list[int]) -> None:
        self.size += len(last) * len(first)
        if self.size > _MAX_EDGES:
            raise _TooLargeError
        for position in last:
            self.edges[position].update(first)

    def add(self, node: RegexNode) -> tuple[bool, list[int], list[int]]:
        """Add a part; return whether it may be empty, and its possible first and last characters."""
        if isinstance(node, CharSet):
            return self._add_char(node)
        if isinstance(node, Assertion):
            return True, [], []
        if isinstance(node, Lookaround):
            raise _TooLargeError  # may scan the whole text at each position
        if isinstance(node, Backreference):
            return self._add_repeat(_ANY_TEXT)
        if isinstance(node, Repetition):
            return self._add_repeat(node)
        if isinstance(node, Alternation):
            added = [self.add(option) for option in node.options]
            empty = any(each[0] for each in added)
            return empty, [p for each in added for p in each[1]], [p for each in added for p in each[2]]
        return self._add_sequence(parts_of(node))

    def _add_char(self, node: CharSet) -> tuple[bool, list[int], list[int]]:
        if len(self.chars) > _MAX_CHARACTERS:
            raise _TooLargeError
        self.chars.append(node.ranges)
        self.edges.append(Counter())
        position = [len(self.chars) - 1]
        return False, position, position

    def _add_sequence(self, parts: tuple[RegexNode, ...]) -> tuple[bool, list[int], list[int]]:
        empty, first, last = True, list[int](), list[int]()
        for part in parts:
            may_be_empty, begins, ends = self.add(part)
            self.link(last, begins)
            first = [*first, *begins] if empty else first
            last = [*last, *ends] if may_be_empty else ends
            empty = empty and may_be_empty
        return empty, first, last

    def _add_repeat(self, node: Repetition) -> tuple[bool, list[int], list[int]]:
        if node.most is None or node.most > 40:
            empty, first, last = self.add(node.body)
            self.link(last, first)
            return empty or node.least == 0, first, last
        empty, first, last = self._add_sequence((node.body,) * node.least)
        # Each optional repetition can only follow the one before it.
        all_last, is_reached = last, empty
        for _ in range(node.most - node.least):
            may_be_empty, begins, ends = self.add(node.body)
            self.link(last, begins)
            first = [*first, *begins] if is_reached else first
            last = [*last, *ends] if may_be_empty else ends
            all_last, is_reached = [*all_last, *ends], is_reached and may_be_empty
        return empty, first, all_last

    def is_doubtful(self, position: int) -> bool:
        """Whether two edges from a character accept the same next character."""
        edges = self.edges[position]
        following = list(edges)
        if any(count > 1 for count in edges.values()):
            return True
        return any(
            self._share(one, other) for number, one in enumerate(following) for other in following[:number]
        )

    def _share(self, one: int, other: int) -> bool:
        """Whether some character matches both nodes."""
        first, second = self.chars[one], self.chars[other]
        self.compared += 1 + len(first) + len(second)
        if self.compared > _MAX_COMPARED:
            raise _TooLargeError
        return overlap(first, second)

    def is_ambiguous(self, loop: list[int]) -> bool:
        """Whether two different paths through a loop lead from a character to itself on the same text."""
        inside = set(loop)
        if any(
            count > 1 for position in loop for other, count in self.edges[position].items() if other in inside
        ):
            return True
        pairs = self._pairs(loop, inside)
        numbers = {pair: number for number, pair in enumerate(pairs)}
        names = list(pairs)
        edges = [Counter(numbers[other] for other in following) for following in pairs.values()]
        # A cycle from a pair of equal characters through a pair of different ones and back.
        return any(
            len({one == other for one, other in (names[number] for number in component)}) == 2
            for component in _components(edges)
        )

    def _pairs(self, loop: list[int], inside: set[int]) -> dict[tuple[int, int], list[tuple[int, int]]]:
        """Return the pairs that two paths through a loop can reach on the same text, and their successors."""
        pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
        waiting = [(position, position) for position in loop]
        while waiting:
            pair = waiting.pop()
            if pair not in pairs:
                pairs[pair] = [
                    (one, other)
                    for one in self.edges[pair[0]].keys() & inside
                    for other in self.edges[pair[1]].keys() & inside
                    if self._share(one, other)
                ]
                waiting += pairs[pair]
        return pairs


def _is_loop(edges: list[Counter[int]], component: list[int]) -> bool:
    return len(component) > 1 or component[0] in edges[component[0]]


def _components(edges: list[Counter[int]]) -> list[list[int]]:
    """Return the strongly connected components of a graph (Tarjan's algorithm without recursion)."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []
    on_path: set[int] = set()
    components: list[list[int]] = []
    for root in range(len(edges)):
        work = [] if root in order else [(root, iter(edges[root]))]
        if work:
            _enter(root, order, low, path, on_path)
        while work:
            position, following = work[-1]
            step = next(
                (successor for successor in following if successor not in order or successor in on_path), None
            )
            if step is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[position])
                if low[position] == order[position]:
                    component = path[path.index(position) :]
                    del path[-len(component) :]
                    on_path.difference_update(component)
                    components.append(component)
            elif step in order:
                low[position] = min(low[position], order[step])
            else:
                _enter(step, order, low, path, on_path)
                work.append((step, iter(edges[step])))
    return components


def _enter(
    position: int, order: dict[int, int], low: dict[int, int], path: list[int], on_path: set[int]
) -> None:
    order[position] = low[position] = len(order)
    path.append(position)
    on_path.add(position)
