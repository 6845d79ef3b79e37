"""Check handlers from their source, for a check that must not run the project's code.

Only certain problems are errors. Anything beyond a plain ``def`` is reported as unverified.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from streamroute.compiler.resolve.call_signature import SignatureProblem, signature_problems
from streamroute.compiler.resolve.module_finder import ModuleFile, ModuleFinder, ModuleSources, search_path
from streamroute.compiler.resolve.module_scope import (
    Binding,
    ModuleDepthError,
    ModuleScope,
    PlainFunction,
    module_scope,
)
from streamroute.compiler.resolve.payload_annotation import misfit as annotation_misfit
from streamroute.compiler.resolve.references import UNVERIFIED, Reference, check_allowed, parse_reference
from streamroute.config.paths import list_folder
from streamroute.expressions.problem import Problem
from streamroute.text.suggestions import did_you_mean

_NO_MAPPINGS: Final = frozenset(
    {"bool", "bytearray", "bytes", "complex", "float", "frozenset", "int", "list", "set", "str", "tuple"}
)
_HELP: Final = "run check without --no-import to import it"


class StaticReader:
    """Reads the modules that a configuration references; each file is read, and its failure reported, once.

    With ``outside``, links in the configuration's folder may lead out of it.
    """

    def __init__(self, folder: Path, allow: tuple[str, ...] | None = None, *, outside: bool = False) -> None:
        self.folder = folder.resolve()
        self._allow = allow
        places = search_path(folder)
        self._finder = ModuleFinder(places)
        self._sources = ModuleSources(places, outside=outside)
        self._modules: dict[str, ModuleScope | Problem | None] = {}
        self._failed: set[str] = set()  # modules whose import failed, which was reported
        self._shadows: dict[str, Problem | None] = {}
        self._plain: dict[str, list[SignatureProblem]] = {}
        self._names: dict[tuple[Path, ...], list[str]] = {}

    def handler(self, text: str, arguments: Mapping[str, Any] | None) -> list[SignatureProblem]:
        """Every problem of a handler; ``arguments`` are None if unknown."""
        function = self.read(text)
        if isinstance(function, Problem):
            return [SignatureProblem(function)]
        if function is None:
            return []
        if arguments is None or arguments:
            return self._checked(function, text, arguments)
        if text not in self._plain:
            self._plain[text] = self._checked(function, text, arguments)
        return self._plain[text]

    def _checked(
        self, function: PlainFunction, text: str, arguments: Mapping[str, Any] | None
    ) -> list[SignatureProblem]:
        problems = [] if arguments is None else _check(function, text, arguments)
        return problems or [SignatureProblem(problem) for problem in self._annotated(function, text)]

    def read(self, text: str) -> PlainFunction | Problem | None:
        """Return the plain ``def`` that a path names, or the problem (UNVERIFIED if it cannot be checked).

        None for a file that is not valid Python, which was reported for another path.
        """
        reference = parse_reference(text)
        if isinstance(reference, Problem):
            return reference
        refused = check_allowed(reference, self._allow) or self._shadowed(reference)
        if refused is not None:
            return refused
        module = self._module(reference)
        return self._attribute(module, reference) if isinstance(module, ModuleScope) else module

    def _annotated(self, function: PlainFunction, text: str) -> Iterator[Problem]:
        """Problems of the payload annotation, if it is a built-in type."""
        reference = parse_reference(text)
        module = self._modules.get(reference.module) if not isinstance(reference, Problem) else None
        if not isinstance(module, ModuleScope) or module.is_open:
            return
        if function.annotation in _NO_MAPPINGS and function.annotation not in module.names:
            yield annotation_misfit(text, function.annotation_text)

    # The module

    def _module(self, reference: Reference) -> ModuleScope | Problem | None:
        if reference.module in self._failed:
            return None
        if reference.module not in self._modules:
            self._modules[reference.module] = self._parsed(reference)
        return self._modules[reference.module]

    def _parsed(self, reference: Reference) -> ModuleScope | Problem:
        file = self._finder.find(reference.module)
        if file is None:
            return self._missing(reference)
        if file.source is None:
            return _unverified(reference, "has no source file")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # SyntaxWarnings are not findings
                return module_scope(ast.parse(self._sources.read(file.source), str(file.source)))
        except (SyntaxError, ValueError) as error:
            return self._unreadable(reference, file.source, error)
        except OSError as error:
            return _unverified(reference, f"could not be read: {error.strerror}")
        except (ModuleDepthError, RecursionError, MemoryError):
            return _unverified(reference, "is nested too deep to be parsed")

    def _missing(self, reference: Reference) -> Problem:
        """The first missing part of the path: an error if nothing else could provide it."""
        parent, part = self._first_missing(reference.module)
        start = len(parent) + 1 if parent else 0
        package = self._finder.find(parent) if parent else ModuleFile(None, (self.folder,))
        folders = package.folders if package else ()
        if parent and not folders:
            message = f'"{parent}" is a module, not a package: it has no module "{part}"'
            help_text = "a dotted path is a module and one attribute of it"
            return Problem("SR401", message, start, start + len(part), help_text)
        suggestion = did_you_mean(part, self._modules_in(folders))
        if package is None or package.source is None or "__path__" in self._text(package.source):
            message = f'no module "{part}" was found, so "{reference.text}" is not verified'
            end = start + len(part)
            return Problem(
                UNVERIFIED, message, start, end, _HELP, suggestion=suggestion, missing=True, once=True
            )
        message = f'no module "{part}" in package "{parent}"'
        return Problem("SR401", message, start, start + len(part), suggestion=suggestion, missing=True)

    def _modules_in(self, folders: tuple[Path, ...]) -> list[str]:
        """The names of the modules in readable folders; each folder is listed once."""
        if folders not in self._names:
            entries = [
                entry for folder in folders if self._sources.allows(folder) for entry in list_folder(folder)
            ]
            names = (entry.stem if entry.suffix == ".py" else entry.name for entry in entries)
            self._names[folders] = sorted(
                {name for name in names if name.isidentifier() and name != "__pycache__"}
            )
        return self._names[folders]

    def _text(self, source: Path) -> str:
        try:
            return self._sources.read(source).decode(errors="replace")
        except OSError:
            # An unreadable package may change its own search path.
            return "__path__"

    def _first_missing(self, module: str) -> tuple[str, str]:
        parts = module.split(".")
        at = min(self._finder.find_parts(parts)[1], len(parts) - 1)
        return ".".join(parts[:at]), parts[at]

    def _unreadable(self, reference: Reference, source: Path, error: Exception) -> Problem:
        self._failed.add(reference.module)
        text = error.msg if isinstance(error, SyntaxError) else error
        message = f'importing "{reference.module}" would raise {type(error).__name__}: {text}'
        name = source.relative_to(self.folder) if source.is_relative_to(self.folder) else source
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        return Problem("SR407", message, 0, len(reference.module), f"raised at {name}{line}")

    def _shadowed(self, reference: Reference) -> Problem | None:
        """The problem that Python would find another module of this name before the configuration's."""
        if reference.package not in self._shadows:
            self._shadows[reference.package] = self._shadow(reference)
        return self._shadows[reference.package]

    def _shadow(self, reference: Reference) -> Problem | None:
        own, first = (self._finder.find(reference.package, at) for at in ([self.folder], None))
        if own is None or first is None or own.source is None or first == own:
            return None
        own_path = own.source.parent if own.source.name == "__init__.py" else own.source
        package, imported_from = reference.package, first.source
        message = f'"{package}" is imported from {imported_from}, not from {own_path.name} in this folder'
        help_text = f"rename {own_path.name}, or use a module path that only it has"
        return Problem("SR406", message, 0, len(package), help_text)

    # The attribute

    def _attribute(self, module: ModuleScope, reference: Reference) -> PlainFunction | Problem:
        name = reference.attribute
        if name in module.names:
            return module.plain_function(name) or _unverified(reference, _kind(module.names[name]))
        if module.is_open:
            return _unverified(reference, "may be defined dynamically")
        start, end = reference.offset, len(reference.text)
        if self._finder.find(f"{reference.module}.{name}") is not None:
            return Problem("SR403", f'"{reference.text}" is a module, which cannot be called', start, end)
        suggestion = did_you_mean(name, module.names)
        message = f'module "{reference.module}" has no attribute "{name}"'
        return Problem("SR402", message, start, end, suggestion=suggestion, missing=True)


def _unverified(reference: Reference, reason: str) -> Problem:
    message = f'"{reference.text}" {reason}, so its source alone cannot verify it'
    return Problem(UNVERIFIED, message, help=_HELP, once=True)


_KINDS: Final[dict[Binding, str]] = {
    ast.Import: "is imported from another module",
    ast.ImportFrom: "is imported from another module",
    ast.ClassDef: "is a class",
    ast.FunctionDef: "is decorated",
    ast.AsyncFunctionDef: "is decorated",
}


def _kind(statements: list[Binding]) -> str:
    if len(statements) > 1:
        return "is assigned more than once"
    return _KINDS.get(statements[0], "is not a plain function")


def _check(function: PlainFunction, name: str, arguments: Mapping[str, Any]) -> list[SignatureProblem]:
    if function.is_generator:
        message = f'"{name}" is a generator function, which cannot be a handler: calling it runs nothing'
        return [SignatureProblem(Problem("SR403", message))]
    return signature_problems(list(function.parameters), name, arguments)
