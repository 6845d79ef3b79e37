"""The table by file, and each survivor as file:line, before and after."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from explanations import Explanation
    from mutant import Mutant
    from mutation_results import Result

_HEAD: Final = ("file", "mutants", "caught", "explained", "survived", "caught %")


@dataclass(slots=True)
class Report:
    """The results of the mutants that ran."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    survivors: list[Mutant] = field(default_factory=list)
    outdated: list[Explanation] = field(default_factory=list)
    left: int = 0

    def add(self, mutant: Mutant, result: Result, explanation: Explanation | None) -> None:
        """Count a mutant: an explanation counts only if it survived."""
        kind = "caught" if result.caught else "explained" if explanation else "survived"
        self.counts.setdefault(mutant.path, Counter())[kind] += 1
        if kind == "survived":
            self.survivors.append(mutant)
        if result.caught and explanation is not None:
            self.outdated.append(explanation)

    @property
    def total(self) -> Counter[str]:
        """The counts of all files."""
        return sum(self.counts.values(), Counter())

    def share(self) -> float:
        """The caught mutants, in percent of all but the explained ones."""
        return _share(self.total)

    def lines(self) -> Iterable[str]:
        """Yield the lines of the printed report."""
        yield from (
            f"survived: {mutant}" for mutant in sorted(self.survivors, key=lambda one: (one.path, one.start))
        )
        for explanation in self.outdated:
            yield f"caught, though explained: {explanation}"
        rows = [_HEAD, *(_row(name, counts) for name, counts in sorted(self.counts.items()))]
        rows.append(_row("all", self.total))
        widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD))]
        for row in rows:
            cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            yield "  ".join([row[0].ljust(widths[0]), *cells])
        if self.left:
            yield f"{self.left} mutants were not reached within the budget"


def _row(name: str, counts: Counter[str]) -> tuple[str, ...]:
    kinds = (counts["caught"], counts["explained"], counts["survived"])
    return (name, str(sum(kinds)), *map(str, kinds), f"{_share(counts):.1f}")


def _share(counts: Counter[str]) -> float:
    judged = counts["caught"] + counts["survived"]
    return 100 * counts["caught"] / judged if judged else 100.0
