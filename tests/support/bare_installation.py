"""An installation with streamroute's required packages only, for code that checks for optional ones.

The folder holds links to the packages of the base installation.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from repository import ROOT

_MAIN: Final = (
    "import sys; sys.path += sys.argv[1:3]; del sys.argv[1:3]; from streamroute.cli.entry import main; main()"
)


def bare_site(folder: Path) -> Path:
    """Create a folder from which the base installation can be imported, but no optional package."""
    folder.mkdir()
    waiting, seen = _required("streamroute", set()), set[str]()
    while waiting:
        found = waiting.pop()
        if found.name not in seen:
            seen.add(found.name)
            waiting += _required(found.name, set())
            _link(found, folder)
    return folder


def run_bare(site: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as the console script does: without the working directory on the import path."""
    command = [sys.executable, "-I", "-S", "-c", _MAIN, str(site), str(ROOT), *arguments]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=240, stdin=subprocess.DEVNULL
    )


def _required(name: str, extras: set[str]) -> list[Distribution]:
    wanted = [Requirement(text) for text in distribution(name).requires or ()]
    return [
        distribution(one.name)
        for one in wanted
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras or {""})
    ]


def _link(found: Distribution, folder: Path) -> None:
    tops = {Path(str(file)).parts[0] for file in found.files or ()} - {"..", "__pycache__"}
    for top in tops:
        (folder / top).symlink_to(Path(str(found.locate_file(top))))
