"""The JMESPath compliance suite."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from repository import ROOT

COMPLIANCE = ROOT.parent / "shared" / "data" / "jmespath-compliance"

needs_compliance = pytest.mark.skipif(
    not COMPLIANCE.is_dir(), reason="the JMESPath compliance suite (../shared/data) is not here"
)


def _cases() -> Iterator[Any]:
    for path in sorted(COMPLIANCE.glob("*.json")):
        for group in json.loads(path.read_text("utf-8")):
            for number, case in enumerate(group["cases"]):
                if "bench" not in case:
                    label = f"{path.stem}-{number}-{case['expression'][:40]}"
                    yield pytest.param(case["expression"], group["given"], case, id=label)


def compliance_cases() -> list[Any]:
    """(expression, given, case) for each case of the suite."""
    return list(_cases())
