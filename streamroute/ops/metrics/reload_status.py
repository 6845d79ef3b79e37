"""The status of the configuration: which generation runs, and how its reloads went."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

RESULTS: Final = ("applied", "refused", "unchanged")
"""The values of the label ``result`` of ``streamroute_config_reloads_total``."""


@dataclass(slots=True)
class ReloadStatus:
    """The running generation, and counts of reloads by result; other threads may read it.

    ``is_last_successful`` is whether the latest configuration that was read is the one that runs.
    ``last_success`` is when that was last so, in seconds since the epoch.
    """

    generation: str
    is_last_successful: bool = True
    clock: Callable[[], float] = field(default=time.time, repr=False)
    last_success: float = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.last_success = self.clock()

    def record_applied(self, generation: str) -> None:
        """Another generation runs now."""
        self.generation = generation
        self._record_success("applied")

    def record_unchanged(self) -> None:
        """The configuration that was read is the one that runs."""
        self._record_success("unchanged")

    def record_refused(self) -> None:
        """The configuration that was read does not run."""
        self.is_last_successful = False
        self.counts["refused"] += 1

    def _record_success(self, result: str) -> None:
        self.is_last_successful = True
        self.last_success = self.clock()
        self.counts[result] += 1
