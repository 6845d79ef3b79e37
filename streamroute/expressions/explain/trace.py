"""Traces: the value of each part of an expression for one payload, for ``explain`` and ``test``.

The verdict is that of the compiled filter, the function that routes messages. The record comes from a second
evaluation by the jmespath library, within the same step budget; it ends when the budget is spent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final, Protocol

from streamroute.expressions.evaluate.cost_limit import BudgetedInterpreter
from streamroute.expressions.evaluate.interpreter import is_falsy
from streamroute.expressions.filters import FilterError, compile_filter, failure_text
from streamroute.expressions.syntax.parser import Node, Tree, chain, parse

_MAX_VALUES: Final = 3
"""How many values are kept of a part that is evaluated for each item of a list."""

_CHAINS: Final = frozenset({"and_expression", "or_expression", "pipe"})
_JOINING: Final = _CHAINS | {"not_expression"}
_PATHS: Final = frozenset(
    {"current", "field", "filter_projection", "flatten", "identity", "index", "index_expression"}
    | {"projection", "slice", "subexpression", "value_projection"}
)


@dataclass(slots=True)
class Observed:
    """The values of a part of an expression for one payload; ``count`` is 0 if it was not evaluated.

    ``values`` are the first few of ``count``; ``truths`` are the JMESPath truths of all.
    """

    values: list[Any] = field(default_factory=list)
    truths: set[bool] = field(default_factory=set)
    count: int = 0

    def add(self, value: Any) -> None:
        """Record one more value."""
        self.count += 1
        self.truths.add(not is_falsy(value))
        if self.count <= _MAX_VALUES:
            self.values.append(value)


class Concealment(Protocol):
    """What is shown of the values of a trace."""

    def value(self, value: Any, *, path: str | None) -> Any:
        """Return what is shown of a value; ``path`` is the text of the path that it was read from, if any."""
        ...

    def text(self, text: str) -> str:
        """Return what is shown of an error."""
        ...


_NOT_OBSERVED: Final = Observed()


class _Recorder(BudgetedInterpreter):
    """The interpreter, recording the value of each node, and the error of each node that failed."""

    def __init__(self) -> None:
        super().__init__()
        self.observed: dict[int, Observed] = {}
        self.failed: dict[int, BaseException] = {}

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate a node as the library does."""
        try:
            value = super().visit(node, *args, **kwargs)
        except BaseException as error:
            self.failed.setdefault(id(node), error)
            raise
        self.observed.setdefault(id(node), Observed()).add(value)
        return value


class Trace:
    """One evaluation of a filter.

    ``truth`` is its verdict, None if it failed; ``error`` is the reason, or None. If ``truncated``, the
    record ended early because it took too many steps, while the filter did not. ``concealment`` decides what
    its steps show of their values; None shows all.
    """

    def __init__(self, tree: Tree, payload: Any) -> None:
        self.tree = tree
        self.truth: bool | None = None
        self.error: str | None = None
        self.truncated = False
        self.concealment: Concealment | None = None
        self._recorder = _Recorder()
        failure = self._decide(payload)
        self._record(payload, failure)

    def _decide(self, payload: Any) -> BaseException | None:
        try:
            self.truth = _filter(self.tree.expression)(payload)
        except FilterError as error:
            cause = error.__cause__
            if isinstance(cause, KeyboardInterrupt):
                raise cause from None  # the command was interrupted
            self.error = error.cause
            return cause
        return None

    def _record(self, payload: Any, failure: BaseException | None) -> None:
        """Record the evaluation. If its result differs from the verdict, the verdict counts."""
        recorded: str | None = None
        try:
            self._recorder.visit(self.tree.root, payload)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the filter fails with the same error
            recorded = failure_text(error)
        if recorded == self.error:
            return
        self.truncated = failure is None
        self._recorder.failed = {} if failure is None else {id(self.tree.root): failure}
        self._recorder.observed[id(self.tree.root)] = observed = Observed()
        if self.truth is not None:
            observed.add(self.truth)

    @property
    def shown_error(self) -> str | None:
        """The error, as far as it may be shown."""
        return (
            self.error
            if self.error is None or self.concealment is None
            else self.concealment.text(self.error)
        )

    @cached_property
    def root(self) -> Step:
        """The whole expression as a step."""
        return Step(self, self.tree.root, 0, len(self.tree.expression))

    def observed(self, node: Node) -> Observed:
        """The values of a node of the tree."""
        return self._recorder.observed.get(id(node), _NOT_OBSERVED)

    def failed(self, node: Node) -> BaseException | None:
        """The error that a node raised, or None."""
        return self._recorder.failed.get(id(node))


_filter = lru_cache(maxsize=1024)(compile_filter)


def trace(expression: str, payload: Any) -> Trace:
    """Evaluate a filter and record it. Raises ExpressionError if the expression cannot be compiled."""
    return Trace(parse(expression), payload)


@dataclass(frozen=True)
class Step:
    """A part of an expression, from offset ``start`` to ``end``, and its values in one evaluation."""

    trace: Trace = field(repr=False)
    node: Node = field(repr=False)
    start: int
    end: int

    @property
    def text(self) -> str:
        """The text of the part, without white space around it."""
        return self.trace.tree.expression[self.start : self.end].strip()

    @property
    def kind(self) -> str:
        """The node type in the jmespath library."""
        return str(self.node["type"])

    @property
    def observed(self) -> Observed:
        """The values of the part."""
        return self.trace.observed(self.node)

    @property
    def error(self) -> str | None:
        """Why the part failed; None unless it is the innermost part that did."""
        failure = self.trace.failed(self.node)
        if failure is None or any(self.trace.failed(part.node) for part in self.parts):
            return None
        text, concealment = failure_text(failure), self.trace.concealment
        return text if concealment is None else concealment.text(text)

    @property
    def shown(self) -> list[Any]:
        """The values of the part, as far as they may be shown."""
        values, concealment = self.observed.values, self.trace.concealment
        if concealment is None:
            return values
        path = self.text if self.is_path else None
        return [concealment.value(value, path=path) for value in values]

    @property
    def is_literal(self) -> bool:
        """Whether the part is a constant."""
        return self.kind == "literal"

    @property
    def is_path(self) -> bool:
        """Whether the part reads a path of the message, as in ``guest.tags[0]``."""
        return self.kind in _PATHS

    @cached_property
    def parts(self) -> tuple[Step, ...]:
        """The steps directly below, without literals; for a path, the parts that are computed on the way."""
        steps = _steps_below(self.trace, self.node, self.start, self.end)
        return tuple(step for step in steps if not step.is_literal)

    @cached_property
    def operands(self) -> tuple[Step, ...]:
        """The operands of ``&&``, ``||``, ``!`` and ``|``, including literals; empty for other parts."""
        if self.kind not in _JOINING:
            return ()
        return tuple(_steps_below(self.trace, self.node, self.start, self.end))

    def walk(self) -> Iterator[Step]:
        """Yield this step and all steps below it, in preorder."""
        stack = [self]
        while stack:
            step = stack.pop()
            yield step
            stack += reversed(step.parts)


def _below(node: Node) -> list[Node]:
    """The nodes that are evaluated for a node; for a chain, its operands."""
    if node["type"] in _CHAINS:
        return list(chain(node))
    return [] if node["type"] == "slice" else node["children"]


def _steps_below(trace: Trace, node: Node, start: int, end: int) -> Iterator[Step]:
    path = node["type"] in _PATHS
    condition = node["children"][2] if node["type"] == "filter_projection" else None
    for child in _below(node):
        span = child.get("start", start), child.get("end", end)
        if child is not condition and _is_transparent(child, path=path):
            yield from _steps_below(trace, child, *span)
        else:
            yield Step(trace, child, *span)


def _is_transparent(node: Node, *, path: bool) -> bool:
    """Whether a node has no text of its own, so that the nodes below it become steps instead."""
    return "start" not in node or node["type"] == "expref" or (path and node["type"] in _PATHS)
