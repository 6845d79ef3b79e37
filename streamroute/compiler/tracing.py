"""An expression evaluated with a record of what each part of it was: what ``explain`` and ``test`` show.

The record is the jmespath library's own evaluation, watched: its result is the filter's verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from streamroute.compiler.filters import in_words
from streamroute.compiler.functions import is_false
from streamroute.compiler.metering import MOST, Meter
from streamroute.compiler.parsing import Node, Tree, chain, parse
from streamroute.message import ExpandingMessage

_KEPT: Final = 3
"""How many values of a part are kept that was evaluated once for each item of a list."""

_UNBOUNDED: Final = 10**18
"""Units, more than any expression takes."""

_CHAINS: Final = frozenset({"and_expression", "or_expression", "pipe"})
_JOINING: Final = _CHAINS | {"not_expression"}
_PATHS: Final = frozenset(
    {"current", "field", "filter_projection", "flatten", "identity", "index", "index_expression"}
    | {"projection", "slice", "subexpression", "value_projection"}
)


@dataclass(slots=True)
class Seen:
    """What a part of an expression was for one payload; a part that was not reached has ``count`` 0.

    ``values`` are the first few of ``count``; ``truths`` are of all, by JMESPath.
    """

    values: list[Any] = field(default_factory=list)
    truths: set[bool] = field(default_factory=set)
    count: int = 0

    def add(self, value: Any) -> None:
        """Note one more value."""
        self.count += 1
        self.truths.add(not is_false(value))
        if self.count <= _KEPT:
            self.values.append(value)


_UNSEEN: Final = Seen()


class _Watcher(Meter):
    """The interpreter, noting the value of every node, and the nodes in which an error came up."""

    def __init__(self, units: int) -> None:
        super().__init__(units)
        self.seen: dict[int, Seen] = {}
        self.failed: dict[int, BaseException] = {}

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """As the library does."""
        try:
            value = super().visit(node, *args, **kwargs)
        except BaseException as error:
            self.failed.setdefault(id(node), error)
            raise
        self.seen.setdefault(id(node), Seen()).add(value)
        return value


class Trace:
    """One evaluation of an expression; ``error`` says why it failed, in plain words, or is None."""

    def __init__(self, tree: Tree, payload: Any) -> None:
        self.tree = tree
        self._watcher = _Watcher(MOST if type(payload) is ExpandingMessage else _UNBOUNDED)
        self.value: Any = None
        self.error: str | None = None
        try:
            self.value = self._watcher.visit(tree.root, payload)
        except KeyboardInterrupt:
            raise  # a command is ended
        except BaseException as error:  # noqa: BLE001 - whatever it is, the filter fails on this payload with it
            self.error = in_words(error)

    @property
    def truth(self) -> bool | None:
        """JMESPath's truth of the value: a filter's verdict. None where the evaluation failed."""
        return None if self.error is not None else not is_false(self.value)

    @cached_property
    def root(self) -> Step:
        """The whole expression as a step."""
        return Step(self, self.tree.root, 0, len(self.tree.expression))

    def seen(self, node: Node) -> Seen:
        """What a node of the tree was."""
        return self._watcher.seen.get(id(node), _UNSEEN)

    def failed(self, node: Node) -> BaseException | None:
        """The error that left a node, or None."""
        return self._watcher.failed.get(id(node))


def trace(expression: str, payload: Any) -> Trace:
    """Evaluate an expression with a record. Raises ExpressionError for what cannot be parsed."""
    return Trace(parse(expression), payload)


@dataclass(frozen=True)
class Step:
    """A part of an expression, from offset ``start`` up to ``end``, and what it was in one evaluation."""

    trace: Trace = field(repr=False)
    node: Node = field(repr=False)
    start: int
    end: int

    @property
    def text(self) -> str:
        """The part as it is written, without white space around it."""
        return self.trace.tree.expression[self.start : self.end].strip()

    @property
    def kind(self) -> str:
        """The type of its node, as the jmespath library calls it."""
        return str(self.node["type"])

    @property
    def seen(self) -> Seen:
        """Its values."""
        return self.trace.seen(self.node)

    @property
    def error(self) -> str | None:
        """Why the part failed, where it is the innermost that did."""
        failure = self.trace.failed(self.node)
        if failure is None or any(self.trace.failed(below) for below in _below(self.node)):
            return None
        return in_words(failure)

    @property
    def is_literal(self) -> bool:
        """Whether the part is the same whatever the message."""
        return self.kind == "literal"

    @property
    def is_path(self) -> bool:
        """Whether the part reads a place of the message, as in ``guest.tags[0]``."""
        return self.kind in _PATHS

    @cached_property
    def parts(self) -> tuple[Step, ...]:
        """The steps right below: of a path, what it computes on its way; literals are left out."""
        found = _steps_below(self.trace, self.node, self.start, self.end)
        return tuple(step for step in found if not step.is_literal)

    @cached_property
    def operands(self) -> tuple[Step, ...]:
        """What ``&&``, ``||``, ``!`` and ``|`` join, literals too; empty for every other part."""
        if self.kind not in _JOINING:
            return ()
        return tuple(_steps_below(self.trace, self.node, self.start, self.end))

    def walk(self) -> Iterator[Step]:
        """This step and all below it, each before its parts."""
        stack = [self]
        while stack:
            step = stack.pop()
            yield step
            stack += reversed(step.parts)


def _below(node: Node) -> list[Node]:
    """The nodes that are evaluated for a node: a chain's are its operands."""
    if node["type"] in _CHAINS:
        return list(chain(node))
    return [] if node["type"] == "slice" else node["children"]


def _steps_below(trace: Trace, node: Node, start: int, end: int) -> Iterator[Step]:
    path = node["type"] in _PATHS
    condition = node["children"][2] if node["type"] == "filter_projection" else None
    for child in _below(node):
        place = child.get("start", start), child.get("end", end)
        if child is not condition and _stands_between(child, path=path):
            yield from _steps_below(trace, child, *place)
        else:
            yield Step(trace, child, *place)


def _stands_between(node: Node, *, path: bool) -> bool:
    """Whether a node is worth no step of its own, only what is below it: it has no text of its own."""
    return "start" not in node or node["type"] == "expref" or (path and node["type"] in _PATHS)
