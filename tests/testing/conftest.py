"""A project for each test, with handlers of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memory_projects import write_project
from streamroute.compiler.resolve.importer import isolated_imports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def routes(tmp_path: Path) -> Iterator[Path]:
    """The configuration of a project, whose modules are forgotten after the test."""
    with isolated_imports(tmp_path):
        yield write_project(tmp_path)
