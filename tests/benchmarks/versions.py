"""Several versions of Python: ``python tests/benchmarks/versions.py --python python3.11 python3.14``.

Each interpreter gets an environment of its own, with the package's requirements and the extra ``fast``. The
variants of all interpreters run interleaved, and each ratio is to the bare loop of the same interpreter.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from cases import BARE, BARE_FAST, LOOPS, ROUTED, ROUTED_FAST
from measuring import ROOT, Figures, Variant, interleaved, say
from tables import VERSIONS, table, write_tables

_VERSION: Final = "import platform; print(platform.python_version())"
_QUICK: Final = (1, 2_000)  # rounds, messages
HEADS: Final = (
    *("Python", "messages/s", "to bare", "CPU µs", "to bare"),
    *("`[fast]`, messages/s", "to bare", "CPU µs", "to bare"),
)


def environment(python: str, folder: Path) -> str:
    """Make an environment of this interpreter in the folder; return its own interpreter."""
    made = folder / "bin" / "python"
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    subprocess.run([str(made), "-m", "pip", "install", "-q", "-e", f"{ROOT}[fast]"], check=True)
    return str(made)


def version(python: str) -> str:
    """Return the version of an interpreter."""
    done = subprocess.run([python, "-c", _VERSION], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def variants(python: str) -> list[Variant]:
    """Return both loops and streamroute as this interpreter runs them."""
    return [replace(each, python=python, needs=()) for each in LOOPS]


def row(name: str, figures: Sequence[Figures]) -> list[str]:
    """Return the cells of an interpreter."""
    found = {each.variant.name: each for each in figures}
    cells = [name]
    for bare, routed in ((BARE, ROUTED), (BARE_FAST, ROUTED_FAST)):
        base, ours = found[bare.name], found[routed.name]
        cells += [f"{ours.rate:,.0f}", f"{ours.rate / base.rate:.2f}"]
        cells += [f"{ours.cpu:.1f}", f"{ours.cpu / base.cpu:.2f}"]
    return cells


def main() -> None:
    """Make the environments, run all rounds, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", nargs="+", default=[sys.executable], help="interpreters")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="one short round: whether it works, no figures")
    parser.add_argument("--markdown", type=Path, help="write the table into this file, too")
    options = parser.parse_args()
    rounds, messages = _QUICK if options.quick else (options.rounds, options.messages)
    with tempfile.TemporaryDirectory() as folder:
        pythons = [environment(each, Path(folder) / str(at)) for at, each in enumerate(options.python)]
        every = [variant for python in pythons for variant in variants(python)]
        found = interleaved(every, rounds, messages, say)
        shown = table(
            HEADS,
            [row(version(each), [one for one in found if one.variant.python == each]) for each in pythons],
        )
    sys.stdout.write(shown)
    if options.markdown:
        write_tables(options.markdown, [shown], VERSIONS)


if __name__ == "__main__":
    main()
