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
        (f"[`{each.__name__}`](#{each.__name__.lower()})", f"`{each.__base__.__name__}`", _home(each))
        for each in found
        if each.__base__
    ]
    parts = [table(("exception", "is a", "import it from"), rows)]
    for each in found:
        parts += [f"## {each.__name__}", docstring(each.__doc__)]
    return page("Errors", _SUMMARY, *parts)


def _exceptions() -> Iterator[type[errors.StreamrouteError]]:
    for value in vars(errors).values():
        if inspect.isclass(value) and issubclass(value, errors.StreamrouteError):
            yield value


def _home(error: type) -> str:
    return "`streamroute`" if error.__name__ in streamroute.__all__ else "`streamroute.errors`"
