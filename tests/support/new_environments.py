"""Virtual environments that a test creates, with packages from the index and this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from repository import ROOT

_LEFT_OUT = (".*", "build", "dist", "*.egg-info", "__pycache__")
_TIMEOUT = 900  # seconds: an index may be slow


def run(
    command: Sequence[str | Path], folder: Path, programs: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command with ``programs`` first on its path, without the import path of this run."""
    path = os.environ["PATH"] if programs is None else f"{programs}{os.pathsep}{os.environ['PATH']}"
    own = {"PYTHONPATH": "", "PYTEST_ADDOPTS": "", "PIP_NO_COMPILE": "1", "PATH": path}
    environment = {**os.environ, **own, **variables}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=_TIMEOUT
    )


def run_step(
    script: str, folder: Path, programs: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a step of a workflow as a runner of GitHub does."""
    bash: list[str | Path] = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
    return run(bash, folder, programs, **variables)


def new_environment(folder: Path, *requirements: str | Path) -> Path:
    """Create a virtual environment, and return the folder of its programs."""
    programs = folder / "bin"
    commands: list[list[str | Path]] = [[sys.executable, "-m", "venv", folder]]
    if requirements:
        commands.append([programs / "pip", "install", "--quiet", *requirements])
    for command in commands:
        done = run(command, folder.parent)
        assert done.returncode == 0, done.stderr
    return programs


def copied_checkout(folder: Path) -> Path:
    """Copy the working tree: a build writes into the tree, and tests run side by side."""
    return Path(shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT), symlinks=True))
