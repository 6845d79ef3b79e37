"""The mutants of a Python source: typical careless mistakes, at positions given by ``ast``.

Strings are never changed: tests compare messages in full, and elsewhere a changed string reveals no more
than a changed comparison.
"""

from __future__ import annotations

import ast
from typing import Final

from mutant import Edit, Mutant, mutants_of

_COMPARISONS: Final[dict[type[ast.cmpop], tuple[str, str]]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}

_ARITHMETIC: Final[dict[type[ast.operator], tuple[str, str]]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.Pow: ("**", "*"),
}

_SWAPPED_CALLS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
_LOG_METHODS: Final = {"debug", "info", "warning", "error", "exception", "critical", "log"}
_UNSEEN: Final = {("zip", "strict"), ("dataclass", "slots")}
"""Arguments that only affect assertions or memory use."""
_LEFT_ALONE: Final = {"TypeVar", "ParamSpec", "NewType", "cast", "lru_cache"}


def python_mutants(path: str, source: str) -> list[Mutant]:
    """Return all mutants of a module, in order; annotations, docstrings and logging stay unchanged."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    return mutants_of(path, source, finder.edits)


class _Finder(ast.NodeVisitor):
    def __init__(self, source: str) -> None:
        self.edits: list[Edit] = []
        self._source = source
        self._names: list[str] = []
        self._scope = (1, 1)
        # ast counts UTF-8 bytes in a line; edits count characters of the text.
        self._lines = source.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    # Positions.

    def _offset(self, line: int, column: int) -> int:
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        return self._starts[line - 1] + len(text.encode()[:column].decode())

    def _begin(self, node: ast.expr | ast.stmt) -> int:
        return self._offset(node.lineno, node.col_offset)

    def _end(self, node: ast.expr | ast.stmt) -> int:
        return self._offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def _text(self, node: ast.expr | ast.stmt) -> str:
        return self._source[self._begin(node) : self._end(node)]

    def _add(self, operator: str, start: int, end: int, replacement: str) -> None:
        self.edits.append(Edit(operator, start, end, replacement, self._scope, ".".join(self._names)))

    def _replace(self, operator: str, node: ast.expr | ast.stmt, replacement: str) -> None:
        self._add(operator, self._begin(node), self._end(node), replacement)

    def _swap_between(self, operator: str, left: ast.expr, right: ast.expr, old: str, new: str) -> None:
        """Replace the word ``old`` between two nodes; brackets and line ends may be there as well."""
        start, end = self._end(left), self._begin(right)
        at = _find_word(self._source, old, start, end)
        if at is not None:
            self._add(operator, at[0], at[1], new)

    # Statements: each sets the lines that run with it.

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.stmt):
            outer, self._scope = self._scope, _header(node)
            super().visit(node)
            self._scope = outer
        else:
            super().visit(node)

    def visit_Module(self, node: ast.Module) -> None:
        self._visit_body(node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._names.append(node.name)
        for part in (*node.decorator_list, *node.keywords):
            self.visit(part)
        self._visit_body(node.body)
        self._names.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._names.append(node.name)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        for decorator in node.decorator_list:
            self.visit(decorator)
        self._visit_body(node.body)
        self._names.pop()

    def _visit_body(self, body: list[ast.stmt]) -> None:
        for statement in body:
            if not _is_text(statement):
                self.visit(statement)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None and not _is_type_alias(node.annotation):
            self._remove_assignment(node, node.target)
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id in ("__all__", "__slots__"):
            return
        self._remove_assignment(node, target)
        self.generic_visit(node)

    def _remove_assignment(self, node: ast.stmt, target: ast.expr) -> None:
        if isinstance(target, (ast.Attribute, ast.Subscript)):
            self._replace("statement removed", node, "pass")

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        old, new = _ARITHMETIC.get(type(node.op), ("", ""))
        if old:
            self._swap_between("arithmetic", node.target, node.value, f"{old}=", f"{new}=")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if _is_log(node.value):
            return
        if isinstance(node.value, (ast.Call, ast.Await)):
            self._replace("statement removed", node, "pass")
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        if not all(isinstance(target, ast.Name) for target in node.targets):
            self._replace("statement removed", node, "pass")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace("raise removed", node, "pass")
        if isinstance(node.exc, ast.Call):
            for part in (*node.exc.args, *node.exc.keywords):
                self.visit(part)

    def visit_Assert(self, node: ast.Assert) -> None:
        """Skip assertions, which only inform a type checker."""

    def visit_Return(self, node: ast.Return) -> None:
        value = node.value
        if value is None:
            return
        if not (isinstance(value, ast.Constant) and (value.value is None or isinstance(value.value, bool))):
            self._replace("return value removed", value, "None")
        self.visit(value)

    def visit_Break(self, node: ast.Break) -> None:
        self._replace("break and continue", node, "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._replace("break and continue", node, "break")

    def visit_If(self, node: ast.If) -> None:
        if _is_type_checking(node.test):
            for statement in node.orelse:
                self.visit(statement)
            return
        self._negate(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    # Expressions.

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for condition in node.ifs:
            self._negate(condition)
        self.generic_visit(node)

    def _negate(self, test: ast.expr) -> None:
        """Negate a condition that no other operator inverts."""
        turned = isinstance(test, (ast.Compare, ast.BoolOp, ast.NamedExpr, ast.Constant))
        if not turned and not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
            self._replace("condition negated", test, f"not ({self._text(test)})")

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            self._swap_between("comparison", left, right, *_COMPARISONS[type(op)])
            left = right
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._swap_between("and/or", left, right, old, new)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, (ast.Not, ast.USub)):
            start = self._begin(node)
            word = "not " if isinstance(node.op, ast.Not) else "-"
            length = len(word) if self._source.startswith(word, start) else len(word.strip())
            self._add("sign or not removed", start, start + length, "")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not (_is_text_literal(node.left) or _is_text_literal(node.right)):
            old, new = _ARITHMETIC.get(type(node.op), ("", ""))
            if old:
                self._swap_between("arithmetic", node.left, node.right, old, new)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in _LEFT_ALONE or _is_log(node):
            return
        if name in _SWAPPED_CALLS:
            self._replace("min/max, any/all", node.func, _SWAPPED_CALLS[name])
        for keyword in node.keywords:
            if keyword.arg is not None and (name, keyword.arg) not in _UNSEEN:
                self._drop_argument(node, keyword)
        for part in (node.func, *node.args):
            self.visit(part)
        for keyword in node.keywords:
            if (name, keyword.arg) not in _UNSEEN:
                self.visit(keyword.value)

    def _drop_argument(self, call: ast.Call, keyword: ast.keyword) -> None:
        start, end = self._offset(keyword.lineno, keyword.col_offset), self._end(keyword.value)
        before, after = self._source[:start].rstrip(), self._source[end : self._end(call)]
        if after.lstrip().startswith(","):
            self._add("argument dropped", start, end + after.index(",") + 1, "")
        elif before.endswith(","):
            self._add("argument dropped", len(before) - 1, end, "")
        else:
            self._add("argument dropped", start, end, "")

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace("true/false", node, str(not node.value))
        elif isinstance(node.value, (int, float)):
            self._replace("number", node, repr(node.value + 1))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Skip the parts of an f-string: before Python 3.12 ``ast`` has no exact positions for them."""


def _header(node: ast.stmt) -> tuple[int, int]:
    """Return the lines of a statement without its nested statements, including decorators."""
    first = min([node.lineno, *(part.lineno for part in getattr(node, "decorator_list", []))])
    body = getattr(node, "body", None)
    if isinstance(body, list) and body:
        return first, max(node.lineno, body[0].lineno - 1)
    return first, node.end_lineno or node.lineno


def _find_word(source: str, word: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the position of an operator's word between two operands, outside comments."""
    at = start
    for line in source[start:end].splitlines(keepends=True):
        code = line.split("#", 1)[0]
        parts = word.split()
        if len(parts) == 1:
            found = code.find(word)
            if found >= 0:
                return at + found, at + found + len(word)
        else:
            found, last = code.find(parts[0]), code.find(parts[1])
            if found >= 0 and last >= 0:
                return at + found, at + last + len(parts[1])
        at += len(line)
    return None


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_text_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
    )


def _is_log(node: ast.expr) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    receiver = node.func.value
    name = receiver.attr if isinstance(receiver, ast.Attribute) else getattr(receiver, "id", "")
    return node.func.attr in _LOG_METHODS and "log" in str(name).lower()


def _is_type_alias(annotation: ast.expr) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id == "TypeAlias"


def _is_type_checking(test: ast.expr) -> bool:
    return getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"
