"""The command of this checkout, for scripts that call it by its name."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from repository import ROOT


def environment_with_program(folder: Path, **variables: str) -> dict[str, str]:
    """Return an environment, with further variables, in which ``streamroute`` is this checkout's."""
    program = folder / "bin" / "streamroute"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m streamroute "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **variables}
