"""The container: where handlers leave their notes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def build() -> Iterator[TextIO]:
    """The file that NOTES names (default: nowhere)."""
    with Path(os.environ.get("NOTES", os.devnull)).open("a", encoding="utf-8") as notes:
        yield notes
