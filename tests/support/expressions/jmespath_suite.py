"""The JMESPath compliance suite: the official one beside the checkout, or that of go-jmespath's source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from outside_data import JMESPATH

needs_compliance = pytest.mark.outside(JMESPATH)


def _cases() -> Iterator[Any]:
    for path in sorted(JMESPATH.glob("*.json")):
        for group in json.loads(path.read_text("utf-8")):
            for number, case in enumerate(group["cases"]):
                if "bench" not in case:
                    label = f"{path.stem}-{number}-{case['expression'][:40]}"
                    yield pytest.param(case["expression"], group["given"], case, id=label)


def compliance_cases() -> list[Any]:
    """Return (expression, given, case) for each case of the suite; a placeholder if the suite is missing."""
    return list(_cases()) or [pytest.param("", None, {}, id="missing")]
