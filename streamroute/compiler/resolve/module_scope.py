"""The names that a module binds at its top level, read from its syntax tree."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_NAMED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SCOPES: Final = (*_NAMED, ast.Lambda)
_BINDING_NODES: Final = frozenset(
    {
        *(*_NAMED, ast.Name, ast.Import, ast.ImportFrom, ast.Global, ast.NamedExpr, ast.Attribute),
        *(ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping),
    }
)
"""Node types that bind a name, or may bind one dynamically."""

_DYNAMIC_CALLS: Final = frozenset({"exec", "eval", "globals", "setattr", "vars", "locals", "__import__"})
"""Calls that may bind names which the source does not show."""

_MAX_ANNOTATION_LENGTH: Final = 80  # characters of an annotation that are kept
_MAX_DEPTH: Final = 1_000
"""Levels of the syntax tree. Python 3.11 parses about 3,000 levels, and 3.14 more than 100,000."""


class ModuleDepthError(Exception):
    """Raised for a module whose syntax tree has more than ``_MAX_DEPTH`` levels."""


@dataclass(frozen=True, slots=True)
class PlainFunction:
    """An undecorated ``def``: its parameters as ``inspect.signature`` returns them, with ``...`` as defaults.

    ``annotation`` is the plain name in the first parameter's annotation, ``annotation_text`` the whole
    annotation.
    """

    parameters: tuple[inspect.Parameter, ...]
    is_generator: bool
    annotation: str | None
    annotation_text: str


Binding = PlainFunction | type[ast.AST]
"""A plain function, or the node type of any other binding; whole trees would take too much memory."""


@dataclass(frozen=True, slots=True)
class ModuleScope:
    """The names that a module binds, each with its bindings; ``is_open`` if there may be more."""

    names: dict[str, list[Binding]]
    is_open: bool

    def plain_function(self, name: str) -> PlainFunction | None:
        """The function of this name if its only binding is an undecorated ``def``; else None."""
        bindings = self.names.get(name, [])
        return bindings[0] if len(bindings) == 1 and isinstance(bindings[0], PlainFunction) else None


def module_scope(module: ast.Module) -> ModuleScope:
    """Collect every binding of a module's own names, in order, including those in branches.

    A name that is bound in a branch, or again in a function, gets a second binding, because the source alone
    does not show which one is effective. Raises ModuleDepthError.
    """
    names: dict[str, list[ast.AST]] = {}
    is_open = False
    for node, is_own, branch in _nodes(module):
        for name in _bound(node) if is_own else ():
            names.setdefault(name, []).append(node)
        if branch is not None and is_own and isinstance(node, _NAMED):
            names[node.name].append(branch)
        for name in _bound_elsewhere(node):
            names.setdefault(name, []).extend((node, node))
        is_open = is_open or _binds_dynamically(node)
    bound = {
        name: [_binding_of(node, alone=len(nodes) == 1) for node in nodes] for name, nodes in names.items()
    }
    return ModuleScope(bound, is_open or "__getattr__" in names)


def _nodes(module: ast.Module) -> Iterator[tuple[ast.AST, bool, ast.AST | None]]:
    """Walk once over every relevant node; yield it, whether it is in the module's scope, and its branch.

    The branch is the statement at the top level, unless that is a scope of its own.
    """
    waiting: list[tuple[ast.AST, bool, ast.AST | None, int]]
    waiting = [(node, True, None, 1) for node in module.body[::-1]]
    while waiting:
        node, is_own, branch, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise ModuleDepthError
        if type(node) in _BINDING_NODES:
            yield node, is_own, branch
        is_scope = isinstance(node, _SCOPES)
        within = branch if branch is not None or is_scope or not is_own else node
        own_children = is_own and not is_scope
        waiting += [(child, own_children, within, depth + 1) for child in ast.iter_child_nodes(node)]


def _binding_of(node: ast.AST, *, alone: bool) -> Binding:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and alone and not node.decorator_list:
        return _function(node)
    return type(node)


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> PlainFunction:
    first = next(iter([*node.args.posonlyargs, *node.args.args]), None)
    annotation = first.annotation if first else None
    named = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    name = named.id if isinstance(named, ast.Name) else None
    text = ast.unparse(annotation) if annotation and name else ""
    whole = text if len(text) <= _MAX_ANNOTATION_LENGTH else f"{name}[...]"
    return PlainFunction(tuple(_parameters(node.args)), _is_generator(node), name, whole)


def _parameters(arguments: ast.arguments) -> Iterator[inspect.Parameter]:
    kind = inspect.Parameter
    positional = [
        *((one, kind.POSITIONAL_ONLY) for one in arguments.posonlyargs),
        *((one, kind.POSITIONAL_OR_KEYWORD) for one in arguments.args),
    ]
    required = len(positional) - len(arguments.defaults)
    for index, (one, how) in enumerate(positional):
        yield kind(one.arg, how, default=kind.empty if index < required else ...)
    if arguments.vararg:
        yield kind(arguments.vararg.arg, kind.VAR_POSITIONAL)
    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield kind(one.arg, kind.KEYWORD_ONLY, default=kind.empty if default is None else ...)
    if arguments.kwarg:
        yield kind(arguments.kwarg.arg, kind.VAR_KEYWORD)


def _bound_elsewhere(node: ast.AST) -> list[str]:
    """Names that a node may bind in another scope than its own."""
    if isinstance(node, ast.Global):
        return node.names
    return [node.target.id] if isinstance(node, ast.NamedExpr) else []


def _bound(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.Import():
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        case ast.ImportFrom():
            yield from (alias.asname or alias.name for alias in node.names if alias.name != "*")
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name


def _binds_dynamically(node: ast.AST) -> bool:
    """Whether a module with this node may bind names that its source does not show."""
    match node:
        case ast.ImportFrom():
            return any(alias.name == "*" for alias in node.names)
        case ast.Name():
            return node.id in _DYNAMIC_CALLS
        case ast.Attribute():
            return node.attr in {"modules", "__dict__"}
    return False


def _is_generator(function: ast.AST) -> bool:
    """Whether the function has a ``yield``, so that calling it runs nothing."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)
    return False
