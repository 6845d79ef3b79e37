"""Paths of the repository and of its folders that tests read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
DOCS: Final = ROOT / "streamroute" / "docs"
EXAMPLES: Final = ROOT / "examples"
TESTDATA: Final = ROOT / "tests" / "testdata"
