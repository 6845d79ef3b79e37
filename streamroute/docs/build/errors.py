"""The reference of the exceptions, from the module that declares them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Final

import streamroute
from streamroute import errors
from streamroute.docs.build.markdown import docstring, page, table

_SUMMARY: Final = (
    "Every exception that streamroute raises on purpose, with when it is raised. All are subclasses of "
    "`StreamrouteError`. Mistakes in a configuration are not exceptions but findings: see the "
    "[rules](rules.md)."
)


def errors_page() -> str:
    """Return ``reference/errors.md``."""
    found = list(_exceptions())
    rows = [
        (f"[`{each.__name__}`](#{each.__name__.lower()})", f"`{each.__base__.__name__}`", _caught_as(each))
        for each in found
        if each.__base__
    ]
    parts = [table(("exception", "is a", "catch it as"), rows)]
    for each in found:
        parts += [f"## {each.__name__}", docstring(each.__doc__)]
    return page("Errors", _SUMMARY, *parts)


def _exceptions() -> Iterator[type[errors.StreamrouteError]]:
    """Yield the exceptions of the module, and public ones that other modules declare."""
    public = (getattr(streamroute, name) for name in streamroute.__all__)
    classes = filter(inspect.isclass, (*vars(errors).values(), *public))
    yield from dict.fromkeys(each for each in classes if issubclass(each, errors.StreamrouteError))


def _caught_as(error: type) -> str:
    """Return the public name of an exception, or of its nearest base that has one."""
    public = next(each for each in error.__mro__ if each.__name__ in streamroute.__all__)
    return f"`streamroute.{public.__name__}`"
