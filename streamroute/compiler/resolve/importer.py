"""Import what a configuration references, with its folder at the end of ``sys.path``.

The folder is added only before the first import of user code: a check without imports cannot load any. It is
at the end because a user's ``queue.py`` at the front would replace Python's own. What modules print during
the import goes to stderr: stdout is for findings.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NamedTuple

from streamroute.compiler.resolve.references import Reference, check_allowed, is_built_in, parse_reference
from streamroute.config.paths import is_file, list_folder
from streamroute.expressions.problem import Problem
from streamroute.logs.exception_text import error_line
from streamroute.system.extras import freeze_extras
from streamroute.system.forked import ExitForkedChild
from streamroute.text.safe_text import one_line, safe_str, type_name
from streamroute.text.suggestions import did_you_mean

_added: set[str] = set()


def make_importable(folder: Path) -> None:
    """Add the configuration's folder to the end of ``sys.path``, once per process."""
    if str(folder) not in sys.path:
        freeze_extras()
        sys.path.append(str(folder))
        _added.add(str(folder))
        importlib.invalidate_caches()


@contextmanager
def without_user_folders() -> Iterator[None]:
    """Hide the user's folders while a package is imported whose own imports must not come from there."""
    hidden = [entry for entry in sys.path if entry in _added]
    sys.path[:] = [entry for entry in sys.path if entry not in _added]
    try:
        yield
    finally:
        sys.path.extend(hidden)


@contextmanager
def isolated_imports(folder: Path) -> Iterator[None]:
    """Drop modules imported from ``folder`` at the end: two checked folders may both contain ``shop``."""
    path, known = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - known:
            if _lies_in(sys.modules[name], folder):
                del sys.modules[name]


class Resolved(NamedTuple):
    """The object that a dotted path names."""

    value: Any


class Importer:
    """Resolves references for one configuration; each module is imported, and its failure reported, once."""

    def __init__(self, folder: Path, allow: tuple[str, ...] | None = None) -> None:
        self.folder = folder.resolve()
        self._allow = allow
        self._modules: dict[str, ModuleType | Problem | None] = {}
        self._failed: set[str] = set()  # modules whose import failed, which was reported

    def resolve(self, text: str) -> Resolved | Problem | None:
        """Return the object that a dotted path names, or the problem.

        None if the module raised for another route, where that was reported.
        """
        reference = parse_reference(text)
        if isinstance(reference, Problem):
            return reference
        refused = check_allowed(reference, self._allow)
        if refused is not None:
            return refused
        with ExitForkedChild():
            module = self._module(reference)
            if module is None or isinstance(module, Problem):
                return module
            return self._attribute(module, reference)  # a module may replace itself in sys.modules

    def _module(self, reference: Reference) -> ModuleType | Problem | None:
        if reference.module in self._failed:
            return None
        if reference.module not in self._modules:
            self._modules[reference.module] = self._import(reference)
        return self._modules[reference.module]

    def _import(self, reference: Reference) -> ModuleType | Problem:
        if not is_built_in(reference.text):
            make_importable(self.folder)
        try:
            with redirect_stdout(sys.stderr), ExitForkedChild():
                module = importlib.import_module(reference.module)
        except KeyboardInterrupt:
            raise
        except ModuleNotFoundError as error:
            missing = self._missing(reference, error)
            return missing or self._raised(reference, error)
        except BaseException as error:  # noqa: BLE001 - a module may call sys.exit; it is reported
            return self._raised(reference, error)
        return self._shadowed(reference, module) or module

    def _missing(self, reference: Reference, error: ModuleNotFoundError) -> Problem | None:
        """The part of the path that does not exist; None if a user's module failed to import another."""
        name = error.name or ""
        if not f"{reference.module}.".startswith(f"{name}.") or _user_frame(error.__traceback__):
            return self._shadowed(reference, sys.modules.get(reference.package))
        parent, _, part = name.rpartition(".")
        start = len(parent) + 1 if parent else 0
        package = sys.modules.get(parent)
        if parent and not hasattr(package, "__path__"):
            message = f'"{parent}" is a module, not a package: it has no module "{part}"'
            return Problem(
                "SR401", message, start, len(name), "a dotted path is a module and one attribute of it"
            )
        shadowed = self._shadowed(reference, sys.modules.get(reference.package))
        if shadowed:
            return shadowed
        where = (
            f'in package "{parent}"' if parent else f"in {self.folder.name}/ or among the installed packages"
        )
        message = f'no module "{part}" {where}'
        suggestion = did_you_mean(part, _siblings(self.folder, package))
        return Problem("SR401", message, start, len(name), suggestion=suggestion, missing=True)

    def _raised(self, reference: Reference, error: BaseException) -> Problem:
        """The exception that the module raised, with its place in the user's code."""
        self._failed.add(reference.module)
        text = _text_of(error).strip().partition("\n")[0]
        description = f"{type_name(error)}: {text}" if text else type_name(error)
        message = one_line(f'could not import "{reference.module}": {description}')
        return Problem("SR407", message, 0, len(reference.module), self._location(error))

    def _location(self, error: BaseException) -> str | None:
        if isinstance(error, SyntaxError) and error.filename:
            return f"raised at {self._relative_name(error.filename)}:{error.lineno}"
        frames = [frame for frame in _frames(error.__traceback__) if _is_user_file(frame[0])]
        frames_in_project = [frame for frame in frames if Path(frame[0]).is_relative_to(self.folder)]
        for filename, line in reversed(frames_in_project or frames):
            return f"raised at {self._relative_name(filename)}:{line}"
        return None

    def _relative_name(self, filename: str) -> str:
        path = Path(filename)
        return str(path.relative_to(self.folder)) if path.is_relative_to(self.folder) else filename

    def _shadowed(self, reference: Reference, module: ModuleType | None) -> Problem | None:
        """The problem that Python found another module of this name before the configuration's."""
        top = sys.modules.get(reference.package, module)
        candidates = [self.folder / reference.package, self.folder / f"{reference.package}.py"]
        existing = [path for path in candidates if is_file(path) or any(path.glob("*.py"))]
        if not existing or top is None or _lies_in(top, self.folder):
            return None
        origin = getattr(top, "__file__", None) or "elsewhere"
        message = (
            f'"{reference.package}" is imported from {origin}, not from {existing[0].name} in this folder'
        )
        help_text = f"rename {existing[0].name}, or use a module path that only it has"
        return Problem("SR406", message, 0, len(reference.package), help_text)

    def _attribute(self, module: ModuleType, reference: Reference) -> Resolved | Problem:
        start, end = reference.offset, len(reference.text)
        try:
            return Resolved(getattr(module, reference.attribute))
        except AttributeError:
            if _holds_module(module, reference.attribute):
                message = f'"{reference.text}" is a module, which cannot be called'
                advice = f"name a function in it, such as {reference.text}.welcome"
                return Problem("SR403", message, 0, end, advice)
            names = [name for name in dir(module) if not name.startswith("__")]
            message = f'module "{reference.module}" has no attribute "{reference.attribute}"'
            suggestion = did_you_mean(reference.attribute, names)
            return Problem("SR402", message, start, end, suggestion=suggestion, missing=True)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a module's own __getattr__ may raise anything
            message = f'could not read "{reference.text}": {error_line(error)}'
            return Problem("SR407", message, start, end)


def _holds_module(package: ModuleType, name: str) -> bool:
    """Whether a package contains a module of this name, imported or not."""
    folders = [Path(folder) for folder in getattr(package, "__path__", ())]
    return any(is_file(folder / f"{name}.py") or is_file(folder / name / "__init__.py") for folder in folders)


def _siblings(folder: Path, package: ModuleType | None) -> list[str]:
    """The modules beside the missing one."""
    directories = [folder] if package is None else [Path(path) for path in package.__path__]
    entries = [entry for directory in directories for entry in list_folder(directory)]
    names = (entry.stem if entry.suffix == ".py" else entry.name for entry in entries)
    return sorted({name for name in names if name.isidentifier() and name != "__pycache__"})


def _frames(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next


def _is_user_file(filename: str) -> bool:
    return not filename.startswith("<frozen ") and filename not in (__file__, importlib.__file__)


def _user_frame(traceback: TracebackType | None) -> bool:
    return any(_is_user_file(filename) for filename, _ in _frames(traceback))


def _lies_in(module: Any, folder: Path) -> bool:
    """Whether a module, or a part of a namespace package, is in this folder."""
    names = getattr(module, "__dict__", {})  # not getattr: a module's own __getattr__ may raise anything
    paths = [names.get("__file__"), *names.get("__path__", ())]
    return any(Path(path).resolve().is_relative_to(folder.resolve()) for path in paths if path)


def _text_of(error: BaseException) -> str:
    """The exception's text; of a SyntaxError without its place, which is shown as help."""
    if isinstance(error, SyntaxError) and error.filename and isinstance(error.msg, str):
        return error.msg
    return safe_str(error)
