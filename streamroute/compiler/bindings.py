"""What a module binds at its top level, by its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

Function = ast.FunctionDef | ast.AsyncFunctionDef

_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_HIDDEN: Final = frozenset({"exec", "eval", "globals", "setattr", "vars", "locals", "__import__"})
"""Calls with which a module may bind names that its text does not show."""


@dataclass(frozen=True, slots=True)
class Bindings:
    """The names that a module binds, each with its statements; ``is_open`` where there may be more."""

    names: dict[str, list[ast.AST]]
    is_open: bool

    def plain_function(self, name: str) -> Function | None:
        """The one ``def`` of this name that stands by itself, undecorated; None for all else."""
        found = self.names.get(name, [])
        only = found[0] if len(found) == 1 else None
        return only if isinstance(only, Function) and not only.decorator_list else None


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
    return Bindings(names, _is_open(module, names))


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


def is_generator(function: Function) -> bool:
    """Whether calling the function runs nothing, since it holds a ``yield``."""
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in _own(function))
