"""Which tests run which line: traced once per test file, until it, its helpers or the package change."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repository_copy import list_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mutant import Mutant
    from mutation_targets import Target

    Trace = Callable[[str], dict[str, Any]]

_SCRIPT = re.compile(r"""\bscript\(["']([\w/]+)["']\)""")
_WORD = re.compile(r"""["']([\w/]+)["']""")
_SCRIPTS = "streamroute/adapters/lua/"
_TIMEOUT = 900.0  # seconds for one whole test file, traced


@dataclass(slots=True)
class LineCoverage:
    """The tests of a target, how long each takes, and the lines that each runs."""

    durations: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    callers: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """For each script, the file and line of each ``script("its name")``; running it runs the script."""
    words: dict[str, set[str]] = field(default_factory=dict)
    """For each test file, its strings of one word."""
    _lines: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    _importers: dict[str, set[str]] = field(default_factory=dict)
    _of_file: dict[str, list[str]] = field(default_factory=dict)

    def add(self, file: str, traced: dict[str, Any]) -> None:
        """Add the trace of one test file."""
        names = list(traced["tests"])
        broken = set(traced["broken"])
        self.broken += sorted(broken)
        sound = {name: seconds for name, seconds in traced["tests"].items() if name not in broken}
        self.durations |= sound
        self._of_file[file] = list(sound)
        for source, lines in traced["lines"].items():
            for line, ran in lines.items():
                known = self._lines.setdefault(source, {}).setdefault(int(line), set())
                known |= {names[at] for at in ran if at >= 0 and names[at] in sound}
                if -1 in ran:
                    self._importers.setdefault(f"{source}:{line}", set()).add(file)

    def tests_for(self, mutant: Mutant) -> list[str]:
        """Return the tests that may notice a mutant, fastest first; if import runs it, all that import it."""
        if mutant.path.endswith(".lua"):
            return self._quickest(
                self._running_script(mutant.path.removeprefix(_SCRIPTS).removesuffix(".lua"))
            )
        lines = range(mutant.first_line, mutant.last_line + 1)
        return self._quickest(set().union(*(self._running(mutant.path, line) for line in lines)))

    def _running_script(self, name: str) -> set[str]:
        """Return the tests that run a line calling a script, and the tests of files that name the script."""
        found = set().union(*(self._running(*place) for place in self.callers.get(name, ())))
        for file, words in self.words.items():
            if name in words:
                found.update(self._of_file.get(file, ()))
        return found

    def _running(self, source: str, line: int) -> set[str]:
        found = set(self._lines.get(source, {}).get(line, ()))
        for file in self._importers.get(f"{source}:{line}", ()):
            found.update(self._of_file[file])
        return found

    def _quickest(self, tests: Iterable[str]) -> list[str]:
        return sorted(tests, key=lambda name: (round(self.durations[name], 2), name))


def trace_lines(root: Path, folder: Path, target: Target, run: Trace) -> LineCoverage:
    """Trace the test files whose trace in ``folder`` is missing or outdated; read the others."""
    folder.mkdir(parents=True, exist_ok=True)
    package = _digest_of(root, [name for name in list_files(root) if _is_in_package(name)])
    coverage = LineCoverage(callers=_callers_of_scripts(root))
    files = list_files(root)
    for file in target.tests:
        kept = folder / f"{file.replace('/', '.')}.{_variant(target)}.json"
        known = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
        data = data_of(file, files)
        if known.get("state") != [package, _digest_of(root, [file, *data, *known.get("helpers", ())])]:
            traced = run(file)
            known = {"state": [package, _digest_of(root, [file, *data, *traced["helpers"]])], **traced}
            kept.write_text(json.dumps(known), "utf-8")
        coverage.add(file, known)
        coverage.words[file] = set(_WORD.findall((root / file).read_text("utf-8")))
    return coverage


def _callers_of_scripts(root: Path) -> dict[str, list[tuple[str, int]]]:
    callers: dict[str, list[tuple[str, int]]] = {}
    for name in list_files(root):
        if name.startswith("streamroute/") and name.endswith(".py"):
            for number, line in enumerate((root / name).read_text("utf-8").splitlines(), 1):
                for script in _SCRIPT.findall(line):
                    callers.setdefault(script, []).append((name, number))
    return callers


def data_of(test_file: str, files: Iterable[str]) -> list[str]:
    """Return the data files a test may read: the files in and below its folder that are not tests."""
    folder = Path(test_file).parent
    return [
        name for name in files if folder in Path(name).parents and not Path(name).name.startswith("test_")
    ]


def request_for(file: str, target: Target) -> dict[str, Any]:
    """Return the request that makes a forked run trace a test file."""
    return {
        "files": [file], "only": None, "trace": True, "patience": _TIMEOUT, "parameters": target.parameters,
    }  # fmt: skip


def _variant(target: Target) -> str:
    return hashlib.sha256(json.dumps(target.parameters, sort_keys=True).encode()).hexdigest()[:6]


def _is_in_package(name: str) -> bool:
    return name.startswith("streamroute/") and name.endswith(".py")


def _digest_of(root: Path, names: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in dict.fromkeys(names):
        path = root / name
        digest.update(name.encode() + b"\0" + (path.read_bytes() if path.exists() else b""))
    return digest.hexdigest()[:20]
