"""``python -m streamroute.docs.build``: a mistake of the caller is one line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from repository import ROOT
from streamroute.docs.build import __main__ as program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("arguments", [("reference",), ("site", "OUT")])
def test_a_missing_package_is_named_with_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    for name in list(sys.modules):
        if name.startswith("streamroute.docs.build.") and not name.endswith("__main__"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.setitem(sys.modules, "sphinx", None)
    monkeypatch.setitem(sys.modules, "sphinx.application", None)
    paths = [word.replace("OUT", str(tmp_path / "site")) for word in arguments]
    done = CliRunner().invoke(program.main, paths)
    assert done.exit_code == 1
    assert "pip install 'streamroute[docs]'" in done.stderr
    assert not (tmp_path / "site").exists()


def test_a_site_is_built_in_a_clone_only(tmp_path: Path) -> None:
    """An installed package has the pages, but not the pictures."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "streamroute", tmp_path / "streamroute", ignore=ignored)
    command = [sys.executable, "-m", "streamroute.docs.build", "site", "site"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "in a clone" in done.stderr
