"""No test patches a constant of the package: times and sizes are parameters, and tests pass them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

import pytest

from repository import ROOT

CONSTANT: Final = re.compile(r"_?[A-Z][A-Z0-9_]+")
SETTERS: Final = frozenset({"setattr", "patch", "object"})


def patched_constants(source: str) -> Iterator[str]:
    """Yield the upper-case names that a module sets on other modules."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and name_of(node.func) in SETTERS:
            yield from filter(CONSTANT.fullmatch, map(last_part, node.args[:2]))
        elif isinstance(node, ast.Assign):
            targets = (target.attr for target in node.targets if isinstance(target, ast.Attribute))
            yield from filter(CONSTANT.fullmatch, targets)


def name_of(function: ast.expr) -> str:
    """Return the last name of a called function."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def last_part(argument: ast.expr) -> str:
    """Return what follows the last dot of a text; of a text with placeholders, its last literal part."""
    if isinstance(argument, ast.JoinedStr):
        argument = argument.values[-1]
    is_text = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    return str(ast.literal_eval(argument)).rpartition(".")[2] if is_text else ""


@pytest.mark.parametrize(
    "line",
    [
        'monkeypatch.setattr("streamroute.app.CHECK_EVERY", 1)',
        'monkeypatch.setattr(app, "_CHECK_EVERY", 1)',
        'patch.setattr(f"{module}.CHECK_EVERY", 1)',
        'mock.patch("streamroute.app.CHECK_EVERY", 1)',
        'mock.patch.object(app, "CHECK_EVERY", 1)',
        "app.CHECK_EVERY = 1",
    ],
)
def test_a_patch_of_a_constant_is_found(line: str) -> None:
    assert [name.lstrip("_") for name in patched_constants(line)] == ["CHECK_EVERY"]


@pytest.mark.parametrize(
    "line",
    [
        'monkeypatch.setattr("streamroute.app.consumer_name", f)',
        'monkeypatch.setattr(app, "App", f)',
        'monkeypatch.setenv("CHECK_EVERY", "1")',
        "CHECK_EVERY = 1",
    ],
)
def test_other_patches_are_allowed(line: str) -> None:
    assert list(patched_constants(line)) == []


def test_no_test_patches_a_constant() -> None:
    found = {
        f"{path.relative_to(ROOT / 'tests')}: {name}"
        for path in sorted(ROOT.glob("tests/**/*.py"))
        for name in patched_constants(path.read_text(encoding="utf-8"))
    }
    assert found == set()
