"""The reference of the Python API: every public name with its signature and docstring."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final

import streamroute
from streamroute.docs.build.attributes import named_attribute_docs
from streamroute.docs.build.markdown import anchor, block, docstring, page, table
from streamroute.docs.build.signatures import signature

MODULES: Final = ("streamroute", "streamroute.testing", "streamroute.handlers")
"""The public modules, in this order."""

_NOT_CALLED: Final = frozenset({"Application", "Delivery"})
"""Classes whose instances a program receives, and does not make."""

_SUMMARY: Final = (
    "Every public name of the packages `streamroute`, `streamroute.testing` and `streamroute.handlers`, with "
    "its signature and what it does. Other modules may change at any time."
)


def python_page() -> str:
    """Return ``reference/python.md``."""
    parts: list[str] = []
    for name in MODULES:
        if find_spec(name) is not None:
            parts += _module(import_module(name))
    return page("Python API", _SUMMARY, *parts)


def _module(module: ModuleType) -> Iterator[str]:
    names = sorted(each for each in public_names(module) if each != "__version__")
    yield f"## {module.__name__}"
    yield docstring(module.__doc__).split("\n\n", 1)[0]
    values = {name: getattr(module, name) for name in names}
    rows = [
        (f"[`{name}`](#{anchor(_heading(module, name))})", _first_line(value))
        for name, value in values.items()
    ]
    yield table(("name", "is"), rows)
    for name, value in values.items():
        yield f"### {_heading(module, name)}"
        yield from _value(name, value)


def public_names(module: ModuleType) -> list[str]:
    """Return what a module declares in ``__all__``, else its public functions and classes."""
    declared = getattr(module, "__all__", None)
    if declared is not None:
        return list(declared)
    own = (
        name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
    )
    return [name for name in own if not name.startswith("_") and callable(getattr(module, name))]


def _heading(module: ModuleType, name: str) -> str:
    return f"{module.__name__}.{name}"


def _first_line(value: Any) -> str:
    return docstring(inspect.getdoc(value)).split("\n\n", 1)[0]


def _value(name: str, value: Any) -> Iterator[str]:
    if not inspect.isclass(value):
        yield block(signature(name, value))
        yield docstring(inspect.getdoc(value))
        return
    if name not in _NOT_CALLED and (not issubclass(value, Exception) or "__init__" in vars(value)):
        yield block(signature(name, value))
    yield docstring(value.__doc__)
    yield from _members(value)


def _members(owner: type) -> Iterator[str]:
    attributes = [
        f"- `{name}`: {text}" for name, text in named_attribute_docs(owner) if not name.startswith("_")
    ]
    properties, methods = [], []
    for name, member in _own_and_inherited(owner).items():
        if name.startswith("_") or not inspect.getdoc(member):
            continue
        if isinstance(member, property):
            properties.append(f"- `{name}`: {docstring(member.__doc__)}")
        elif inspect.isroutine(member) or isinstance(member, classmethod | staticmethod):
            methods.append((name, inspect.unwrap(getattr(owner, name))))
    if attributes or properties:
        yield "\n".join(attributes + properties)
    for name, method in methods:
        yield f"#### {owner.__name__}.{name}"
        yield block(signature(name, method))
        yield docstring(inspect.getdoc(method))


def _own_and_inherited(owner: type) -> dict[str, Any]:
    """Return the members of a class, then those of its bases in the package that are not public."""
    members = dict(vars(owner))
    for base in owner.__mro__[1:]:
        if base.__module__.startswith("streamroute.") and base.__name__ not in streamroute.__all__:
            members = {**members, **{name: each for name, each in vars(base).items() if name not in members}}
    return members
