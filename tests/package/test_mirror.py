"""The tests mirror the package: the tests of a module are found by its path."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Final

from repository import ROOT

PACKAGE: Final = ROOT / "streamroute"
TESTS: Final = ROOT / "tests"
TOP: Final = TESTS / "package"
"""The tests of the topmost modules, and of the whole."""

OF_NO_ROOM: Final = {"benchmarks", "examples", "faults", "mutation", "suites", "support", "testdata"}
"""Folders of tests that are about the whole."""

ABOUT_A_ROOM: Final = {Path("board/browser"), Path("board/robustness"), Path("docs")}
"""Folders of tests that are about a room as a whole."""

OF_OTHERS: Final = PACKAGE / "cli" / "starter" / "templates"
"""The files of the projects that ``init`` writes, with tests of their own."""

ABOUT_THE_WHOLE: Final = {
    "assertions": "reads all tests",
    "ci_examples": "runs the pre-commit hooks and the GitHub Action",
    "pre_commit": "runs the hooks as pre-commit installs them",
    "release": "runs the steps of the release workflow",
    "examples": "runs the examples",
    "import_contracts": "reads the import contracts",
    "mirror": "compares the two trees",
    "names": "compares all class names",
    "packaging": "builds a wheel",
    "patches": "reads all tests",
    "prose": "reads all texts",
    "readme": "runs what README.md shows",
    "regular_expressions": "tries each regular expression of the package",
    "servers": "tests the servers that tests start",
}
"""Test files of the topmost folder that are named after no module."""

ELSEWHERE: Final = {
    "adapters/dead_letters/edited_letters": "cli/commands/dead_letters/test_edit.py",
    "adapters/dead_letters/imported_letters": "cli/commands/dead_letters/test_transfer.py",
    "adapters/entries/entry_ids": "adapters/stream/test_storage.py",
    "adapters/retries/retry_progress": "cli/commands/dead_letters/test_paced.py",
    "adapters/groups/stored_entries": "cli/commands/test_replay.py",
    "adapters/groups/worker_routes": "cli/commands/test_replay.py",
    "adapters/groups/entry_lookup": "adapters/dead_letters/test_letters_on_servers.py",
    "adapters/redis/errors": "adapters/stream/test_storage_steps.py",
    "adapters/redis/scripts": "adapters/lua/leases/test_claim.py",
    "cli/arguments/options": "cli/commands/test_dead.py",
    "cli/output/route_table": "cli/commands/test_routes.py",
    "cli/output/tables/rendered_column": "cli/output/test_table.py",
    "board/http/path_prefix": "board/test_application.py",
    "board/link/follow": "cli/commands/test_board.py",
    "board/pages": "board/pages/test_pages.py",
    "cli/arguments/http": "cli/commands/test_board.py",
    "services/server_connection": "cli/test_cli_bad_address.py",
    "cli/arguments/stream_argument": "cli/commands/test_dead.py",
    "cli/arguments/where": "cli/commands/test_tail.py",
    "cli/commands/boards": "cli/commands/test_board.py",
    "cli/commands/comparing": "cli/commands/test_diff.py",
    "cli/commands/controlling": "cli/commands/test_reload.py",
    "cli/commands/paused": "cli/commands/test_pause.py",
    "cli/commands/pausing": "cli/commands/test_pause.py",
    "cli/commands/resume": "cli/commands/test_pause.py",
    "cli/output/pauses": "cli/commands/test_pause.py",
    "ops/pauses": "cli/commands/test_pause.py",
    "cli/commands/explaining": "cli/commands/test_explain.py",
    "cli/commands/observing": "cli/commands/test_status.py",
    "cli/commands/running_jobs": "cli/commands/test_replay.py",
    "cli/commands/rollback": "cli/commands/test_reload.py",
    "cli/commands/schema": "cli/test_main.py",
    "cli/commands/serving": "cli/commands/test_serve.py",
    "cli/commands/tailing": "cli/commands/test_tail.py",
    "cli/commands/testing": "cli/commands/test_test.py",
    "cli/entry": "cli/test_main.py",
    "cli/output/dead_letters": "cli/commands/test_dead.py",
    "cli/output/diff": "cli/commands/test_diff.py",
    "cli/output/explanation": "cli/commands/test_explain.py",
    "cli/output/formats": "cli/output/formats/test_formats.py",
    "cli/output/graphs": "cli/commands/test_routes.py",
    "cli/output/jobs": "cli/commands/test_jobs.py",
    "cli/output/reload_findings": "cli/commands/serving/test_reloading.py",
    "cli/output/route_location": "cli/commands/test_explain.py",
    "cli/output/route_tests": "cli/commands/test_test.py",
    "cli/output/status": "cli/commands/test_status.py",
    "cli/output/stored_event": "cli/commands/test_explain_entries.py",
    "cli/output/tail": "cli/commands/test_tail.py",
    "core/dispatch/message_plans": "core/dispatch/test_route_start.py",
    "cli/process/deadline": "cli/commands/test_serve_stuck_handlers.py",
    "cli/process/workers": "cli/commands/test_serve_workers.py",
    "compiler/resolve/codec_object": "cli/commands/test_check.py",
    "compiler/rules/configuration": "config/findings/test_pages.py",
    "compiler/rules/dead_letter_finding": "config/findings/test_pages.py",
    "compiler/rules/environment": "config/findings/test_pages.py",
    "compiler/rules/expressions": "config/findings/test_pages.py",
    "compiler/rules/route_tests": "config/findings/test_pages.py",
    "compiler/rules/routes": "config/findings/test_pages.py",
    "compiler/rules/finding_object": "cli/output/formats/test_formats.py",
    "config/findings": "cli/commands/checking/test_fix.py",
    "config/schema": "cli/commands/test_check_testdata.py",
    "config/schema/explain": "cli/commands/test_check_testdata.py",
    "config/yaml": "config/test_load.py",
    "config/yaml/syntax": "cli/commands/test_check_testdata.py",
    "expressions/evaluate/compiled": "expressions/test_filters.py",
    "expressions/translation": "expressions/translation/test_translate.py",
    "expressions/types/algebra": "expressions/types/test_check_soundness.py",
    "expressions/types/mistakes/misplaced_values": "expressions/test_expressions_tables.py",
    "ops/dead_letters": "cli/commands/test_dead.py",
    "ops/dead_letters/editing/edit": "cli/commands/dead_letters/test_edit.py",
    "ops/dead_letters/transfer": "cli/commands/dead_letters/test_transfer.py",
    "ops/explain": "cli/commands/test_explain_entries.py",
    "ops/jobs/audited": "cli/commands/test_replay.py",
    "ops/jobs/job_object": "cli/commands/test_jobs.py",
    "ops/paced_retry": "cli/commands/dead_letters/test_paced.py",
    "ops/route_object": "cli/commands/test_routes.py",
    "ops/route_tests": "cli/commands/test_test.py",
    "ops/retries": "cli/commands/test_status_retries.py",
    "ops/status": "cli/commands/test_status.py",
    "ops/status/worker": "cli/commands/test_status.py",
    "ops/metrics/app_sources": "application/test_application.py",
    "ops/reload/on_request": "cli/commands/serving/test_reloading.py",
    "ops/serve/stop_time": "cli/commands/test_serve_stuck_handlers.py",
    "ops/tail": "cli/commands/test_tail.py",
    "ops/tail/worker": "cli/commands/test_tail.py",
    "system/extras": "cli/process/test_event_loop.py",
    "text/counted": "cli/commands/test_dead.py",
    "text/json_text": "cli/output/test_streams.py",
}
"""Modules, or all such modules of a folder, that the tests of the folder do not reach by imports -> the test
of what uses them: of a command, of the examples on the pages of rules, or of a table of expressions.
"""


def has_logic(path: Path) -> bool:
    """Return whether a module has a function with more than a docstring and ``...`` in it."""
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not all(isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) for part in node.body)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


@cache
def modules() -> list[str]:
    """Return the modules with logic, as paths in the package without their suffix."""
    found = (path for path in PACKAGE.rglob("*.py") if path.stem not in {"__init__", "__main__"})
    own = (path for path in found if not path.is_relative_to(OF_OTHERS))
    return sorted(str(path.relative_to(PACKAGE).with_suffix("")) for path in own if has_logic(path))


def files_of_tests() -> list[Path]:
    """Return the test files that belong to a room."""
    found = (path for path in TESTS.rglob("test_*.py"))
    return sorted(path for path in found if not is_about_more(path.parent.relative_to(TESTS)))


def is_about_more(folder: Path) -> bool:
    """Return whether the tests of a folder are about the whole, or about a room as a whole."""
    return folder in ABOUT_A_ROOM or folder.parts[0] in OF_NO_ROOM


def room_of(folder: Path) -> Path:
    """Return the folder of the package that a folder of tests is about."""
    return PACKAGE if folder == TOP else PACKAGE / folder.relative_to(TESTS)


def named_after(test: str, name: str) -> bool:
    """Return whether a test file, without ``test_`` and suffix, is a module's, or about an aspect of it."""
    return test == name or test.startswith(f"{name}_")


@cache
def imported(path: Path) -> frozenset[Path]:
    """Return the modules of the package that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    paths = {ROOT / f"{name.replace('.', '/')}.py" for name in names if name.startswith("streamroute.")}
    return frozenset(path for path in paths if path.is_file())


@cache
def reached(folder: Path) -> frozenset[Path]:
    """Return the modules of a room that its tests are named after or import, or that such modules import."""
    room = room_of(folder)
    todo: set[Path] = set()
    for test in folder.rglob("test_*.py"):
        todo |= imported(test)
        here = room_of(test.parent).glob("*.py")
        todo |= {path for path in here if named_after(test.stem.removeprefix("test_"), path.stem)}
    found: set[Path] = set()
    while todo:
        path = todo.pop()
        if path.is_relative_to(room) and path not in found:
            found.add(path)
            todo |= imported(path)
    return frozenset(found)


def is_reached(module: str) -> bool:
    """Return whether a module is tested by the tests of its folder, as far as names and imports tell."""
    folder = Path(module).parent
    return PACKAGE / f"{module}.py" in reached(TESTS / folder if folder.parts else TOP)


def test_every_module_is_tested_by_its_folder_or_a_named_test() -> None:
    """A test of its folder is named after it, or leads to it by imports."""

    def is_tested(module: str) -> bool:
        elsewhere = ELSEWHERE.get(module) or ELSEWHERE.get(str(Path(module).parent))
        return is_reached(module) or (elsewhere is not None and (TESTS / elsewhere).is_file())

    assert [module for module in modules() if not is_tested(module)] == []


def test_no_entry_for_a_module_tested_elsewhere_is_unneeded() -> None:
    unreached = {module for module in modules() if not is_reached(module)}
    needed = unreached | {str(Path(module).parent) for module in unreached}
    assert set(ELSEWHERE) - needed == set()


def test_every_test_file_is_named_after_a_module_or_its_folder() -> None:
    def is_named(file: Path) -> bool:
        room, name = room_of(file.parent), file.stem.removeprefix("test_")
        known = {entry.stem.strip("_") for entry in room.iterdir()} | {room.name}
        return any(named_after(name, each) for each in known) or (
            file.parent == TOP and name in ABOUT_THE_WHOLE
        )

    assert [str(file.relative_to(TESTS)) for file in files_of_tests() if not is_named(file)] == []


def test_files_about_the_whole_exist() -> None:
    assert [name for name in ABOUT_THE_WHOLE if not (TOP / f"test_{name}.py").is_file()] == []


def test_a_folder_of_tests_has_its_room() -> None:
    folders = {path.parent for path in files_of_tests()}
    assert sorted(str(folder) for folder in folders if not room_of(folder).is_dir()) == []
