"""The state of the code, and how the watcher follows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streamroute.ops.reload.code.code_files import CodeFiles
from streamroute.ops.reload.code.code_folder import CodeFolder
from streamroute.ops.reload.file_watcher import FileWatcher
from streamroute.ops.reload.watched_files import WatchedFiles, WatchedTogether, digest_of


class Code:
    """A folder with code, a module elsewhere, and a watcher that looks when the test says so."""

    def __init__(self, path: Path) -> None:
        self.root = path / "site"
        self.elsewhere = path / "library.py"
        self.write("jobs.py", "one")
        self.write("shop/handlers.py", "one")
        self.elsewhere.write_text("one")
        self.folder = CodeFolder(str(self.root))
        self.changes = 0
        self.watcher = FileWatcher(self.count, reread=60)
        self.files = self.read()
        self.watcher.watch(self.files)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def count(self) -> None:
        self.changes += 1

    def read(self) -> CodeFiles:
        return CodeFiles.read(self.folder, self.folder.files(), [str(self.elsewhere)])

    def look(self) -> int:
        """Look several times; returns the number of changes reported so far."""
        for _ in range(3):
            self.watcher.look()
        return self.changes

    def changed(self) -> list[str]:
        return [Path(path).name for path in self.read().changed_since(self.files)]


@pytest.fixture
def code(tmp_path: Path) -> Code:
    made = Code(tmp_path)
    assert made.look() == 0
    return made


def edit(code: Code) -> None:
    code.write("shop/handlers.py", "two")


def add_a_module(code: Code) -> None:
    code.write("shop/more/new.py", "two")


def remove_a_module(code: Code) -> None:
    (code.root / "jobs.py").unlink()


def edit_elsewhere(code: Code) -> None:
    code.elsewhere.write_text("two")


def edit_several(code: Code) -> None:
    code.write("jobs.py", "two")
    edit_elsewhere(code)


CHANGES: list[tuple[Callable[[Code], None], list[str]]] = [
    (edit, ["handlers.py"]),
    (add_a_module, ["new.py"]),
    (remove_a_module, ["jobs.py"]),
    (edit_elsewhere, ["library.py"]),
    (edit_several, ["library.py", "jobs.py"]),
]


@pytest.mark.parametrize(("change", "names"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_a_change_of_code_is_noticed_once(
    code: Code, change: Callable[[Code], None], names: list[str]
) -> None:
    change(code)
    assert code.look() == 1
    assert code.look() == 1, "it is reported once"
    assert code.changed() == names
    code.watcher.watch(code.read())
    assert code.look() == 1, "it has been read"


def test_what_tools_and_editors_write_is_no_change(code: Code) -> None:
    for name in (".jobs.py.swp", "jobs.py~", "shop/__pycache__/handlers.pyc", ".git/index", "data/new.json"):
        code.write(name, "two")
    code.write("jobs.py", "one")
    (code.root / "empty").mkdir()
    assert code.look() == 0
    assert code.changed() == []


def test_code_and_configuration_that_change_together_are_one_change(code: Code, tmp_path: Path) -> None:
    routes = tmp_path / "routes.yaml"
    routes.write_text("one")
    code.watcher.watch(WatchedTogether((WatchedFiles({str(routes): digest_of(str(routes))}), code.files)))
    assert code.look() == 0
    edit(code)
    code.watcher.look()
    routes.write_text("two")
    assert code.look() == 1


def test_a_module_that_was_not_known_before_is_no_change(code: Code, tmp_path: Path) -> None:
    """It was imported by workers of this state for the first time."""
    other = tmp_path / "other.py"
    other.write_text("one")
    more = code.files.with_modules({str(other): digest_of(str(other))})
    assert [*more.modules] == [str(other), str(code.elsewhere)]
    assert more.changed_since(code.files) == ()
    assert code.files.changed_since(more) == ()
    other.write_text("two")
    assert more.now().changed_since(more) == (str(other),)


def test_the_watcher_looks_at_further_files_until_it_gets_new_ones(code: Code, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text("one")
    code.watcher.watch_also(WatchedFiles({str(other): digest_of(str(other))}))
    assert code.look() == 0
    other.write_text("two")
    assert code.look() == 1
    edit(code)
    assert code.look() == 2
    code.watcher.watch(code.read())
    assert code.look() == 2


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        (["/site/a.py", "/lib/b.py"], "code changed: a.py, ../lib/b.py"),
        ([f"/site/{n}.py" for n in range(5)], "code changed: 0.py, 1.py, 2.py and 2 more"),
    ],
)
def test_what_changed_is_named(changed: list[str], text: str) -> None:
    assert CodeFiles(CodeFolder("/site")).describe(changed) == text
