"""``serve`` needs no package of the extra ``board``."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
for name in ("uvicorn", "starlette", "jinja2"):
    sys.modules[name] = None
import streamroute.cli.commands.serving.board_options
import streamroute.cli.commands.serving.one_process
import streamroute.cli.commands.serving.supervised
"""


def test_serve_starts_without_it() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
