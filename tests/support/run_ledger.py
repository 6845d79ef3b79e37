"""Checks over several runs of pytest that CI runs every test exactly once.

``--ledger FILE`` appends the tests of this run to the file. ``--ledger FILE --collect-only -m ""`` compares
the file with all collected tests.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest


class Ledger:
    """Records each test that was started or skipped, or compares the record with the collected tests."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a test in its setup phase, which every test has once."""
        if report.when == "setup":
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(report.nodeid)}\n")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Fail if the recorded tests are not those collected."""
        if session.config.option.collectonly:
            collected = [item.nodeid for item in session.items]
            ran = [json.loads(line) for line in self._path.read_text("utf-8").splitlines()]
            if problems := differences(collected, ran):
                raise pytest.UsageError("\n".join(problems[:20]))


def differences(collected: list[str], ran: list[str]) -> list[str]:
    """Return a line for each test that did not run, ran more than once, or does not exist."""
    times = Counter(ran)
    return [
        *(f"{name} was left out" for name in collected if not times[name]),
        *(f"{name} ran {count} times" for name, count in times.items() if count > 1),
        *(f"{name} ran, but was not collected" for name in sorted(times.keys() - set(collected))),
    ]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option above."""
    parser.addoption("--ledger", type=Path, help="Add the tests that run to this file, or compare with it.")


def pytest_configure(config: pytest.Config) -> None:
    """Register the ledger in the process that collects all reports."""
    path = config.getoption("--ledger")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Ledger(path))
