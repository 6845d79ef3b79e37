"""The docstrings below the attributes of a class, which Python does not keep."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any


def attribute_docs(owner: type) -> Iterator[tuple[Any, str]]:
    """Return each documented attribute of a class, by value for an enum's member, with its docstring."""
    for name, text in named_attribute_docs(owner):
        yield getattr(owner, name, name), text


def named_attribute_docs(owner: type) -> Iterator[tuple[str, str]]:
    """Return the name and the docstring of each documented attribute of a class."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    for node, following in pairwise(body):
        if not isinstance(following, ast.Expr) or not isinstance(following.value, ast.Constant):
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and isinstance(following.value.value, str):
            yield target.id, inspect.cleandoc(following.value.value)
