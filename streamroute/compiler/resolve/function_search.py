"""Search the project's source for functions by name, to suggest one for a path that does not resolve.

Nothing is imported. Only a few folders and files are searched: the result is only a suggestion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

from streamroute.compiler.resolve.references import (
    BUILT_IN,
    Reference,
    check_allowed,
    parse_reference,
)
from streamroute.config.paths import is_file, is_folder, list_folder
from streamroute.expressions.problem import Problem
from streamroute.system.files import FileReader
from streamroute.text.suggestions import did_you_mean

_BUILT_IN_NAMES: Final = ("forward", "log", "webhook")
_DEPTH: Final = 4  # folders below the configuration's
_MAX_ENTRIES: Final = 2_000
_MAX_BYTES: Final = 200_000  # of one file
_MAX_TOTAL: Final = 5_000_000
_DEF: Final = re.compile(rb"^(?:async[ \t]+)?def[ \t]+([^\W\d]\w*)[ \t]*\(", re.MULTILINE)
_SKIPPED_FOLDERS: Final = frozenset({"__pycache__", "node_modules", "build", "dist", "site-packages"})


class FunctionSearch:
    """The functions in the modules of a configuration's folder, which is searched at the first use."""

    def __init__(self, folder: Path, allow: tuple[str, ...] | None = None, *, outside: bool = False) -> None:
        self._folder = folder
        self._allow = allow
        self._files = FileReader(None if outside else folder, total=_MAX_TOTAL)

    def with_suggestion(self, problem: Problem, text: str) -> Problem:
        """Suggest the path of the project's function with that name."""
        if not problem.missing or problem.suggestion is not None:
            return problem
        name = re.split(r"[.:]", text)[-1]
        paths = self._paths_of(name)
        if not paths and name == text:
            paths = self._paths_of(did_you_mean(name, self._names) or "")
        if len(paths) == 1:
            return problem._replace(start=0, end=None, suggestion=paths[0], help=None)
        return problem._replace(help=f"write one of {', '.join(paths[:5])}") if paths else problem

    def _paths_of(self, name: str) -> list[str]:
        return [path for module in self._modules.get(name, ()) if self._may_name(path := f"{module}.{name}")]

    def _may_name(self, path: str) -> bool:
        reference = parse_reference(path)
        return isinstance(reference, Reference) and check_allowed(reference, self._allow) is None

    @cached_property
    def _names(self) -> list[str]:
        return sorted(self._modules)

    @cached_property
    def _modules(self) -> dict[str, list[str]]:
        """Function -> the modules that define it at their top level."""
        modules: dict[str, list[str]] = {name: [BUILT_IN] for name in _BUILT_IN_NAMES}
        for module, path in self._sources():
            for name in dict.fromkeys(_DEF.findall(self._text(path))):
                modules.setdefault(name.decode(errors="replace"), []).append(module)
        return modules

    def _text(self, path: Path) -> bytes:
        try:
            return self._files.read(path, _MAX_BYTES)
        except (OSError, ValueError):
            # Suggest nothing from a file that cannot be read.
            return b""

    def _sources(self) -> Iterator[tuple[str, Path]]:
        """Modules and their files, those nearest to the configuration first."""
        level: list[tuple[tuple[str, ...], Path]] = [((), self._folder)]
        remaining = _MAX_ENTRIES
        for _ in range(_DEPTH):
            below: list[tuple[tuple[str, ...], Path]] = []
            for package, folder in level:
                for entry in sorted(list_folder(folder))[: max(remaining, 0)]:
                    remaining -= 1
                    if entry.suffix == ".py" and is_file(entry) and not _is_test(entry.name):
                        yield ".".join([*package, *([] if entry.stem == "__init__" else [entry.stem])]), entry
                    elif _may_be_package(entry) and self._files.allows(entry):
                        below.append(((*package, entry.name), entry))
            level = below


def _may_be_package(folder: Path) -> bool:
    name = folder.name
    return (
        name.isidentifier()
        and name not in _SKIPPED_FOLDERS
        and not name.startswith("test")
        and is_folder(folder)
        and not is_file(folder / "pyvenv.cfg")
    )


def _is_test(name: str) -> bool:
    return name.startswith("test_") or name in {"conftest.py", "setup.py"}
