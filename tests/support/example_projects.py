"""Examples that are run in the test's own process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from repository import EXAMPLES


@contextmanager
def importable_example(name: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the modules of an example importable, and its configuration use this server; yield its folder."""
    folder = EXAMPLES / name
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("REDIS_URL", redis_url)
    yield folder
    for module in set(sys.modules) - before:
        if str(getattr(sys.modules[module], "__file__", None) or "").startswith(str(folder)):
            del sys.modules[module]
