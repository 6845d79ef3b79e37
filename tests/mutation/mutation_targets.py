"""``targets.toml``: the mutated files, and the tests that should notice."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).with_name("targets.toml")


@dataclass(frozen=True, slots=True)
class Target:
    """Source files and the test files that guard them, relative to the repository."""

    name: str
    sources: tuple[str, ...]
    tests: tuple[str, ...]
    parameters: dict[str, str] = field(default_factory=dict)


def load_targets(root: Path, file: Path = FILE) -> dict[str, Target]:
    """Return the targets by name. Raise ValueError if a pattern matches no file."""
    document = tomllib.loads(file.read_text("utf-8"))
    return {name: _target(root, name, entry) for name, entry in document.items()}


def _target(root: Path, name: str, entry: dict[str, object]) -> Target:
    unknown = set(entry) - {"sources", "tests", "without", "parameters"}
    if unknown:
        raise ValueError(f"{name}: unknown keys {sorted(unknown)}")
    left_out = set(_expand(root, name, entry.get("without", [])))
    sources, tests = (
        tuple(path for path in _expand(root, name, entry[key]) if path not in left_out)
        for key in ("sources", "tests")
    )
    parameters = entry.get("parameters", {})
    assert isinstance(parameters, dict)
    return Target(name, sources, tests, parameters)


def _expand(root: Path, name: str, patterns: object) -> list[str]:
    assert isinstance(patterns, list)
    found: dict[str, None] = {}
    for pattern in patterns:
        paths = sorted(str(path.relative_to(root)) for path in root.glob(pattern))
        if not paths and not pattern.endswith("/*/*.py"):
            raise ValueError(f"{name}: no file is called {pattern}")
        found.update(dict.fromkeys(paths))
    return list(found)
