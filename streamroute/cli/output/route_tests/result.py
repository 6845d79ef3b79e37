"""The result of a run of route tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from streamroute.config.findings.finding import Finding
from streamroute.config.findings.text_file import TextFile
from streamroute.ops.route_tests.coverage import Coverage
from streamroute.ops.route_tests.runner import Outcome


@dataclass(frozen=True, slots=True)
class RouteTestRun:
    """The result of the tests of one configuration; ``findings`` are those in test files."""

    root: Path
    outcomes: Sequence[Outcome]
    coverage: Coverage
    findings: Sequence[Finding]
    sources: Mapping[str, TextFile] = field(repr=False)
