"""Every test can fail: it asserts, expects an exception, or calls a helper of the tests that itself does."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from repository import ROOT

Function = ast.FunctionDef | ast.AsyncFunctionDef
EXPECTING = {"raises", "warns", "fail"}
"""Of pytest."""
FAILURES = {"AssertionError", "PageError"}
"""AssertionError, and those of its subclasses that helpers raise."""


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def called(function: Function) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield node.func.id if isinstance(node.func, ast.Name) else node.func.attr


def asserts(function: Function, asserting: set[str]) -> bool:
    """By a statement of its own, or by calling a function of one of these names."""
    return any(isinstance(node, ast.Assert) for node in ast.walk(function)) or not asserting.isdisjoint(
        called(function)
    )


def raises_assertion_error(function: Function) -> bool:
    """Return whether a function fails the test by raising an AssertionError."""
    raised = (node.exc for node in ast.walk(function) if isinstance(node, ast.Raise))
    named = (exc.func if isinstance(exc, ast.Call) else exc for exc in raised)
    return any(isinstance(exc, ast.Name) and exc.id in FAILURES for exc in named)


def asserting_helpers(helpers: dict[str, list[Function]]) -> set[str]:
    """Return the names of the functions that assert themselves; of several of a name, all must."""
    return EXPECTING | {
        name
        for name, named in helpers.items()
        if all(asserts(each, EXPECTING) or raises_assertion_error(each) for each in named)
    }


def silent(folder: Path) -> list[str]:
    """The tests in a folder that pass whatever the code does, as long as it raises nothing."""
    tests: list[tuple[Path, Function]] = []
    helpers: dict[str, list[Function]] = defaultdict(list)
    for path in folder.rglob("*.py"):
        for function in functions(path):
            if function.name.startswith("test_"):
                tests.append((path, function))
            else:
                helpers[function.name].append(function)
    found = asserting_helpers(helpers)
    return [f"{path.name}: {test.name}" for path, test in tests if not asserts(test, found)]


def test_every_test_asserts() -> None:
    assert silent(ROOT / "tests") == []


def test_a_test_that_asserts_nothing_is_found(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        "def helper(): assert work()\n"
        "def failing(): raise AssertionError('no work')\n"
        "class One:\n    def decode(self): assert work()\n"
        "class Other:\n    def decode(self): raise ValueError\n"
        "def idle(): work()\n"
        "def test_plain(): assert work()\n"
        "def test_helped(): helper()\n"
        "def test_failing(): failing()\n"
        "def test_helped_by_name_only(): One().decode()\n"
        "async def test_raising():\n    with pytest.raises(ValueError): work()\n"
        "def test_nothing(): idle()\n"
        "async def test_work_alone(): await work()\n"
    )
    assert silent(tmp_path) == [
        "test_x.py: test_helped_by_name_only",
        "test_x.py: test_nothing",
        "test_x.py: test_work_alone",
    ]
