"""Options of the fault suite and its final table; costs other tests nothing.

``pytest -m faults`` runs each scenario once, with a fixed seed; ``--rounds N`` runs each N times, with random
seeds; ``--faults-seed S`` repeats a run; ``--faults-report FILE`` writes the table as Markdown.
"""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIXED_SEED = 1
_HEAD = "| fault | rounds | messages | lost | duplicates by cause | without cause | worst recovery | broken |"


@dataclass(slots=True)
class Row:
    """One fault over all its rounds."""

    rounds: int = 0
    messages: int = 0
    lost: int = 0
    given_up: int = 0
    unexplained: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    worst: float | None = None
    broken: int = 0

    def add(self, verdict: Any) -> None:
        """Add a round's verdict."""
        self.rounds += 1
        self.messages += verdict.messages
        self.lost += len(verdict.lost)
        self.given_up += len(verdict.given_up)
        self.unexplained += len(verdict.unexplained)
        self.causes.update(verdict.causes)
        self.broken += bool(verdict.problems)
        if verdict.worst_recovery is not None:
            self.worst = max(self.worst or 0, verdict.worst_recovery)


class FaultReport:
    """One table per design under test, with one row per fault."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Row]] = {}

    def add(self, title: str, fault: str, verdict: Any) -> None:
        """Count a round of this fault."""
        self.tables.setdefault(title, {}).setdefault(fault, Row()).add(verdict)

    def lines(self) -> Iterator[str]:
        """Yield all tables as Markdown."""
        for title, rows in self.tables.items():
            yield f"### {title}"
            yield ""
            yield _HEAD
            yield "|---|---:|---:|---:|---|---:|---:|---:|"
            for fault, row in rows.items():
                causes = ", ".join(f"{count} ({cause})" for cause, count in row.causes.items()) or "0"
                lost = f"{row.lost} ({row.given_up} had failed)" if row.given_up else str(row.lost)
                worst = "-" if row.worst is None else f"{row.worst:.1f} s"
                yield (
                    f"| {fault} | {row.rounds} | {row.messages} | {lost} | {causes} "
                    f"| {row.unexplained} | {worst} | {row.broken} |"
                )
            yield ""


_REPORT = pytest.StashKey[FaultReport]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options above."""
    group = parser.getgroup("faults", "fault suite")
    group.addoption("--rounds", type=int, default=0, help="Play each fault so often, with random seeds.")
    group.addoption("--faults-seed", type=int, help="Play each fault with this seed.")
    group.addoption("--faults-report", type=Path, help="Write the table of faults to this file.")


def pytest_configure(config: pytest.Config) -> None:
    """Create an empty report."""
    config.stash[_REPORT] = FaultReport()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize each test that takes ``fault_seed`` with one test per seed."""
    if "fault_seed" in metafunc.fixturenames:
        metafunc.parametrize("fault_seed", _seeds(metafunc.config), ids=lambda seed: f"seed{seed}")


@pytest.fixture
def fault_report(request: pytest.FixtureRequest) -> FaultReport:
    """The report that collects verdicts."""
    return request.config.stash[_REPORT]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the table to the terminal and to the file."""
    lines = list(config.stash[_REPORT].lines())
    if lines:
        terminalreporter.section("faults")
        terminalreporter.write("\n".join(lines) + "\n")
        if path := config.getoption("--faults-report"):
            path.write_text("\n".join(lines) + "\n")


def _seeds(config: pytest.Config) -> list[int]:
    seed = config.getoption("--faults-seed")
    if seed is not None:
        return [seed]
    rounds = config.getoption("--rounds")
    return [secrets.randbelow(1_000_000) for _ in range(rounds)] or [_FIXED_SEED]
