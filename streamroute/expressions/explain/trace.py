"""An expression evaluated with a record of what each part of it was: what ``explain`` and ``test`` show.

The verdict is that of the very filter which runs at work. The record beside it is the jmespath library's own
evaluation, watched, and counted as a filter is: what takes too many steps is recorded no further.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

from streamroute.expressions.evaluate.cost_limit import Meter
from streamroute.expressions.evaluate.interpreter import is_false
from streamroute.expressions.filters import FilterError, compile_filter, in_words
from streamroute.expressions.syntax.parser import Node, Tree, chain, parse

_KEPT: Final = 3
"""How many values of a part are kept that was evaluated once for each item of a list."""

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

    def __init__(self) -> None:
        super().__init__()
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
    """One evaluation of a filter.

    ``truth`` is its verdict, None where it failed; ``error`` says why, in plain words, or is None. ``cut``
    says that the record ends in the middle, since it took too many steps, while the filter did not.
    """

    def __init__(self, tree: Tree, payload: Any) -> None:
        self.tree = tree
        self.truth: bool | None = None
        self.error: str | None = None
        self.cut = False
        self._watcher = _Watcher()
        failure = self._decide(payload)
        self._record(payload, failure)

    def _decide(self, payload: Any) -> BaseException | None:
        try:
            self.truth = _filter(self.tree.expression)(payload)
        except FilterError as error:
            cause = error.__cause__
            if isinstance(cause, KeyboardInterrupt):
                raise cause from None  # a command is ended
            self.error = error.cause
            return cause
        return None

    def _record(self, payload: Any, failure: BaseException | None) -> None:
        """Watch the evaluation; where that comes to another end than the verdict, the verdict holds."""
        recorded: str | None = None
        try:
            self._watcher.visit(self.tree.root, payload)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, the filter fails on this payload with it
            recorded = in_words(error)
        if recorded == self.error:
            return
        self.cut = failure is None
        self._watcher.failed = {} if failure is None else {id(self.tree.root): failure}
        self._watcher.seen[id(self.tree.root)] = seen = Seen()
        if self.truth is not None:
            seen.add(self.truth)

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


_filter = lru_cache(maxsize=1024)(compile_filter)


def trace(expression: str, payload: Any) -> Trace:
    """Evaluate a filter with a record. Raises ExpressionError for one that no message can heal."""
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
        if failure is None or any(self.trace.failed(part.node) for part in self.parts):
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
