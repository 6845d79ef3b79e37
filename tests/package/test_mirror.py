"""The tests mirror the package: the tests of a module are found by its path."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from repository import ROOT

PACKAGE = ROOT / "streamroute"
TESTS = ROOT / "tests"
OF_NO_ROOM = {"benchmarks", "examples", "faults", "mutation", "package", "suites", "support", "testdata"}
"""Folders of tests that are about the whole; tests/package has the topmost modules, too."""

ELSEWHERE = {
    "cli/commands/dead_letters": "cli/commands/test_dead.py",
    "cli/commands/serving": "cli/commands/test_serve.py",
    "cli/commands/testing": "cli/commands/test_test.py",
    "cli/output/route_tests": "cli/commands/test_test.py",
    "cli/starter/greetings": "cli/commands/test_init.py",
    "compiler/rules/configuration": "config/findings/test_pages.py",
    "compiler/rules/environment": "config/findings/test_pages.py",
    "compiler/rules/expressions": "config/findings/test_pages.py",
    "compiler/rules/route_tests": "config/findings/test_pages.py",
    "compiler/rules/routes": "config/findings/test_pages.py",
    "config/yaml/syntax": "cli/commands/test_testdata.py",
    "ops/dead_letters": "cli/commands/test_dead.py",
}
"""Rooms that are tested by the command that they serve, and rules, by the examples on their pages."""


def has_logic(path: Path) -> bool:
    """Whether a module has a function with more than a docstring and ``...`` in it."""
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not all(isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) for part in node.body)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def modules() -> list[str]:
    """The modules with logic, as paths in the package without their suffix."""
    found = (path for path in PACKAGE.rglob("*.py") if path.stem not in {"__init__", "__main__"})
    return sorted(str(path.relative_to(PACKAGE).with_suffix("")) for path in found if has_logic(path))


def folders_of_rooms() -> list[str]:
    """The folders of tests that belong to a room, as paths in the folder of tests."""
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    return sorted(str(folder) for folder in folders if folder.parts and folder.parts[0] not in OF_NO_ROOM)


@pytest.mark.parametrize("module", modules())
def test_every_module_has_its_test_file(module: str) -> None:
    """By a file of its name, or by the tests of its folder."""
    folder, name = Path(module).parent, Path(module).name
    here = TESTS / folder if folder.parts else TESTS / "package"
    elsewhere = ELSEWHERE.get(str(folder))
    assert (
        (here / f"test_{name}.py").exists()
        or any(here.glob("test_*.py"))
        or (elsewhere is not None and (TESTS / elsewhere).exists())
    ), f"there is neither tests/{folder}/test_{name}.py nor any test of the folder"


def test_rooms_that_are_tested_elsewhere_have_no_tests_of_their_own() -> None:
    assert [room for room in ELSEWHERE if any((TESTS / room).glob("test_*.py"))] == []
    assert [room for room in ELSEWHERE if not (PACKAGE / room).is_dir()] == []


@pytest.mark.parametrize("folder", folders_of_rooms())
def test_a_folder_of_tests_has_its_room(folder: str) -> None:
    assert (PACKAGE / folder).is_dir() or (PACKAGE / f"{folder}.py").is_file()
