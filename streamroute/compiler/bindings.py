"""What a module binds at its top level, by its syntax tree."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_HIDDEN: Final = frozenset({"exec", "eval", "globals", "setattr", "vars", "locals", "__import__"})
"""Calls with which a module may bind names that its text does not show."""

_LONGEST: Final = 80  # characters of an annotation that are kept


@dataclass(frozen=True, slots=True)
class Function:
    """An undecorated ``def``: its parameters as ``inspect.signature`` gives them, with ``...`` as defaults.

    ``annotation`` is the plain name that annotates the first parameter, ``annotated`` the whole annotation.
    """

    parameters: tuple[inspect.Parameter, ...]
    is_generator: bool
    annotation: str | None
    annotated: str


Bound = Function | type[ast.AST]
"""What binds a name: of all but plain functions only the kind of statement is kept, for a tree is large."""


@dataclass(frozen=True, slots=True)
class Bindings:
    """The names that a module binds, each with its statements; ``is_open`` where there may be more."""

    names: dict[str, list[Bound]]
    is_open: bool

    def plain_function(self, name: str) -> Function | None:
        """The one ``def`` of this name that stands by itself, undecorated; None for all else."""
        found = self.names.get(name, [])
        return found[0] if len(found) == 1 and isinstance(found[0], Function) else None


def bindings(module: ast.Module) -> Bindings:
    """Every binding of a module's own names, in order, those in branches included.

    A name that is bound in a branch, or again in a function, has a second statement: nobody can say by
    the text alone which one counts.
    """
    names: dict[str, list[ast.AST]] = {}
    for node in _own(module):
        for name in _bound(node):
            names.setdefault(name, []).append(node)
    for statement in module.body:
        if not isinstance(statement, _SCOPES):
            for node in _own(statement):
                if isinstance(node, _SCOPES) and not isinstance(node, ast.Lambda):
                    names[node.name].append(statement)
    for node in ast.walk(module):
        for name in _from_afar(node):
            names.setdefault(name, []).extend((node, node))
    bound = {
        name: [_bound_by(node, alone=len(nodes) == 1) for node in nodes] for name, nodes in names.items()
    }
    return Bindings(bound, _is_open(module, names))


def _bound_by(node: ast.AST, *, alone: bool) -> Bound:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and alone and not node.decorator_list:
        return _function(node)
    return type(node)


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Function:
    first = next(iter([*node.args.posonlyargs, *node.args.args]), None)
    annotation = first.annotation if first else None
    named = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    name = named.id if isinstance(named, ast.Name) else None
    text = ast.unparse(annotation) if annotation and name else ""
    whole = text if len(text) <= _LONGEST else f"{name}[...]"
    return Function(tuple(_parameters(node.args)), _is_generator(node), name, whole)


def _parameters(written: ast.arguments) -> Iterator[inspect.Parameter]:
    kind = inspect.Parameter
    positional = [
        *((one, kind.POSITIONAL_ONLY) for one in written.posonlyargs),
        *((one, kind.POSITIONAL_OR_KEYWORD) for one in written.args),
    ]
    required = len(positional) - len(written.defaults)
    for index, (one, how) in enumerate(positional):
        yield kind(one.arg, how, default=kind.empty if index < required else ...)
    if written.vararg:
        yield kind(written.vararg.arg, kind.VAR_POSITIONAL)
    for one, default in zip(written.kwonlyargs, written.kw_defaults, strict=True):
        yield kind(one.arg, kind.KEYWORD_ONLY, default=kind.empty if default is None else ...)
    if written.kwarg:
        yield kind(written.kwarg.arg, kind.VAR_KEYWORD)


def _from_afar(node: ast.AST) -> list[str]:
    """Names that a node may bind in a scope that it does not stand in."""
    if isinstance(node, ast.Global):
        return node.names
    return [node.target.id] if isinstance(node, ast.NamedExpr) else []


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below this one that belong to its scope; of a scope within, the node itself alone."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, _SCOPES):
            yield from _own(child)


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


def _is_open(module: ast.Module, names: dict[str, list[ast.AST]]) -> bool:
    if "__getattr__" in names:
        return True
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return True
        if isinstance(node, ast.Name) and node.id in _HIDDEN:
            return True
        if isinstance(node, ast.Attribute) and node.attr in {"modules", "__dict__"}:
            return True
    return False


def _is_generator(function: ast.AST) -> bool:
    """Whether calling the function runs nothing, since it holds a ``yield``."""
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in _own(function))
