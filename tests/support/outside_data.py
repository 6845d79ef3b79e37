"""Third-party data that some tests read; tests/suites/fetch.py downloads it to .suites."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from repository import ROOT

SUITES: Final = Path(os.environ.get("STREAMROUTE_SUITES", ROOT / ".suites"))

JMESPATH: Final = SUITES / "go-jmespath" / "compliance"
JSON_SCHEMA: Final = SUITES / "jsonschema" / "json" / "tests"
WEBHOOKS: Final = SUITES / "webhooks-examples" / "api.github.com" / "index.json"


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


def webhook_events() -> Iterator[dict[str, Any]]:
    """Yield GitHub's example webhook payloads, each with a type made of its family and action."""
    for family in json.loads(WEBHOOKS.read_text("utf-8")):
        for payload in family["examples"]:
            action = payload.get("action")
            kind = f"github.{family['name']}"
            yield {**payload, "type": f"{kind}.{action}" if isinstance(action, str) else kind}
