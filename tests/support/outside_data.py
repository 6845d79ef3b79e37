"""Suites of other projects that some tests read: tests/suites/fetch.py fetches them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

from repository import ROOT

SUITES: Final = Path(os.environ.get("STREAMROUTE_SUITES", ROOT / ".suites"))
JMESPATH: Final = SUITES / "go-jmespath" / "compliance"
JSON_SCHEMA: Final = SUITES / "jsonschema" / "json" / "tests"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option by which CI requires all of the data."""
    text = "Fail where data of other projects is missing, instead of skipping."
    parser.addoption("--outside-data", action="store_true", help=text)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked ``outside(path)`` whose path is missing."""
    marker = item.get_closest_marker("outside")
    if marker is None or marker.args[0].exists():
        return
    if item.config.getoption("--outside-data"):
        pytest.fail(f"{marker.args[0]} is missing", pytrace=False)
    pytest.skip("data of other projects is not here: python tests/suites/fetch.py")
