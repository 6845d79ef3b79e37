"""How to call a function or a class: its signature, as its source writes it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final

_WIDTH: Final = 88


def signature(name: str, value: Callable[..., Any]) -> str:
    """Return the signature of a function or a class, on several lines if it is long."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return name
    parameters = list(_parameters(found))
    returns = "" if inspect.isclass(value) else _returns(found)
    head = f"{_kind(value)}{name}"
    line = f"{head}({', '.join(parameters)}){returns}"
    if len(line) <= _WIDTH:
        return line
    return f"{head}(\n" + "".join(f"    {each},\n" for each in parameters) + f"){returns}"


def _kind(value: Callable[..., Any]) -> str:
    if inspect.isclass(value):
        return "class "
    return "async def " if inspect.iscoroutinefunction(value) else "def "


def _parameters(found: inspect.Signature) -> Iterator[str]:
    """Return each parameter without the instance, and the star before those that are passed by name only."""
    is_starred = False
    for each in found.parameters.values():
        if each.name in {"self", "cls"}:
            continue
        if each.kind is each.KEYWORD_ONLY and not is_starred:
            yield "*"
        is_starred = is_starred or each.kind in {each.KEYWORD_ONLY, each.VAR_POSITIONAL}
        yield _parameter(each)


def _parameter(each: inspect.Parameter) -> str:
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(each.kind.name, "")
    text = f"{stars}{each.name}"
    is_annotated = each.annotation is not each.empty
    if is_annotated:
        text += f": {annotation(each.annotation)}"
    if each.default is not each.empty:
        text += f" = {_default(each.default)}" if is_annotated else f"={_default(each.default)}"
    return text


def _returns(found: inspect.Signature) -> str:
    return "" if found.return_annotation is found.empty else f" -> {annotation(found.return_annotation)}"


def annotation(value: Any) -> str:
    """Return an annotation without the quotes that keep it from being evaluated."""
    if not isinstance(value, str):
        return inspect.formatannotation(value)
    try:
        inner = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value
    return inner if isinstance(inner, str) else value


def _default(value: Any) -> str:
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = repr(value)
    return "..." if " at 0x" in text or "<factory>" in text else text
