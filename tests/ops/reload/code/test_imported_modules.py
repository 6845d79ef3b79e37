"""Which modules of this process are the user's."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import streamroute
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.ops.reload.code.imported_modules import imported_modules


def test_modules_of_the_user_are_found_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "users_module.py").write_text("import json\n")
    with isolated_imports(tmp_path):
        sys.path.append(str(tmp_path))
        importlib.import_module("users_module")
        importlib.import_module("streamroute.schemas")  # a link, in a checkout
        found = imported_modules()
    assert str(tmp_path / "users_module.py") in found
    installed = (str(Path(streamroute.__file__).parent), str(Path(pytest.__file__).parent), json_folder())
    assert [path for path in found if path.startswith(installed)] == []


def json_folder() -> str:
    return str(Path(sys.modules["json"].__file__ or "").parent)


class Hostile(ModuleType):
    def __getattr__(self, name: str) -> Any:
        raise SystemExit(name)


@pytest.mark.parametrize("file", [None, 7, "relative.py", "/somewhere/compiled.so", "/with/a\0nul.py"])
def test_modules_without_a_source_are_left_out(monkeypatch: pytest.MonkeyPatch, file: Any) -> None:
    before = imported_modules()
    strange = Hostile("strange_module")
    strange.__dict__["__file__"] = file
    monkeypatch.setitem(sys.modules, "strange_module", strange)
    monkeypatch.setitem(sys.modules, "no_module", 7)
    assert imported_modules() == before


def test_their_number_is_limited() -> None:
    assert len(imported_modules(1)) == 1
