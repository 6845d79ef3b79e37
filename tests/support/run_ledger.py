"""Which tests ran, over several runs of pytest: CI leaves none out and runs none twice.

``--ledger FILE`` adds the tests of this run to the file. ``--ledger FILE --collect-only -m ""`` compares the
file with everything that there is.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest


class Ledger:
    """Writes down each test that was started or skipped, or compares them with those that were collected."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test, once: every test has a setup."""
        if report.when == "setup":
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(report.nodeid)}\n")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Fail where the tests of the file are not those that were collected."""
        if session.config.option.collectonly:
            collected = [item.nodeid for item in session.items]
            ran = [json.loads(line) for line in self._path.read_text("utf-8").splitlines()]
            if problems := differences(collected, ran):
                raise pytest.UsageError("\n".join(problems[:20]))


def differences(collected: list[str], ran: list[str]) -> list[str]:
    """A line for each test that did not run, that ran more than once, or that is not there."""
    times = Counter(ran)
    return [
        *(f"{name} was left out" for name in collected if not times[name]),
        *(f"{name} ran {count} times" for name, count in times.items() if count > 1),
        *(f"{name} ran, but was not collected" for name in sorted(times.keys() - set(collected))),
    ]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option above."""
    parser.addoption("--ledger", type=Path, help="Add the tests that run to this file, or compare with it.")


def pytest_configure(config: pytest.Config) -> None:
    """Only the process that collects all reports keeps the ledger."""
    path = config.getoption("--ledger")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Ledger(path))
