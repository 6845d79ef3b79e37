"""Which files below a folder can be modules: not those of editors, tools and virtual environments."""

from __future__ import annotations

import os
from pathlib import Path

from streamroute.ops.reload.code.code_folder import CodeFolder, FoundFiles


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def names(folder: Path, found: FoundFiles) -> list[str]:
    return [os.path.relpath(path, folder) for path in found.paths]


def test_the_nearest_modules_come_first(tmp_path: Path) -> None:
    write(tmp_path, "b.py", "shop/sub/deep.py", "shop/handlers.py", "a.py", "zoo/__init__.py")
    found = CodeFolder(str(tmp_path)).files()
    assert names(tmp_path, found) == [
        "a.py",
        "b.py",
        "shop/handlers.py",
        "zoo/__init__.py",
        "shop/sub/deep.py",
    ]
    assert found.is_complete


def test_what_cannot_be_a_module_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "routes.yaml", "notes.txt", "module.pyi", "module.so")
    write(
        tmp_path, ".#jobs.py", "#jobs.py#", ".jobs.py.swp", "jobs.py~", "4913", "jobs copy.py", "jobs.py.tmp"
    )
    write(tmp_path, ".git/hooks/hook.py", ".venv/lib/a.py", "shop-1.egg-info/a.py", "shop/__pycache__/a.py")
    write(tmp_path, "node_modules/gyp/a.py", "env/pyvenv.cfg", "env/lib/python3/site-packages/a.py")
    (tmp_path / "folder.py").mkdir()
    assert CodeFolder(str(tmp_path)).files() == FoundFiles(())


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "shop/handlers.py")
    (tmp_path / "shop" / "loop").symlink_to(tmp_path)
    (tmp_path / "linked.py").symlink_to("shop/handlers.py")
    assert names(tmp_path, CodeFolder(str(tmp_path)).files()) == ["linked.py", "shop/handlers.py"]


def test_a_folder_that_is_a_virtual_environment_itself_is_read(tmp_path: Path) -> None:
    write(tmp_path, "pyvenv.cfg", "jobs.py")
    assert names(tmp_path, CodeFolder(str(tmp_path)).files()) == ["jobs.py"]


def test_the_number_of_files_is_limited(tmp_path: Path) -> None:
    write(tmp_path, *[f"module{n}.py" for n in range(5)])
    found = CodeFolder(str(tmp_path), max_files=3).files()
    assert names(tmp_path, found) == ["module0.py", "module1.py", "module2.py"]
    assert not found.is_complete
    assert CodeFolder(str(tmp_path), max_files=5).files().is_complete


def test_the_number_of_names_is_limited(tmp_path: Path) -> None:
    """A folder of data may have more names than anyone wants to read four times a second."""
    write(tmp_path, "jobs.py", *[f"data/{n}.json" for n in range(5)])
    found = CodeFolder(str(tmp_path), max_entries=4).files()
    assert names(tmp_path, found) == ["jobs.py"]
    assert not found.is_complete
    assert CodeFolder(str(tmp_path), max_entries=7).files().is_complete


def test_a_folder_that_is_missing_has_no_files(tmp_path: Path) -> None:
    assert CodeFolder(str(tmp_path / "missing")).files() == FoundFiles(())
