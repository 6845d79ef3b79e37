"""Worker end: how a worker process ended, and what follows for its restart."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from streamroute.ops.workers.report import WorkerReport


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """``code`` is the exit code, or minus the number of the signal; ``report`` is the last one, if any.

    ``error`` is set if the operating system could not start the process; ``pid`` is 0 then.
    """

    code: int = 0
    report: WorkerReport | None = None
    error: OSError | None = None
    pid: int = 0

    @property
    def was_ready(self) -> bool:
        """Whether all consumers had started."""
        return self.report is not None and self.report.ready

    @property
    def has_worked(self) -> bool:
        """Whether it may have run a message: it was ready, or was killed while its consumers started."""
        return self.report is not None and (self.report.ready or not self.report.ended)

    @property
    def is_clean_exit(self) -> bool:
        """Whether the worker ended on its own, rather than in the middle of a message.

        The first report is written before the first consumer starts, the last one when all have stopped. The
        exit code alone is not conclusive: a handler can end the process with any code.
        """
        if self.error is not None or self.code < 0:
            return False
        return self.report is None or self.report.ended

    @property
    def is_refusal(self) -> bool:
        """Whether the worker could not start, e.g. for a missing permission; it has logged the reason."""
        return self.code > 0 and self.is_clean_exit and not self.was_ready

    @property
    def how(self) -> str:
        """The signal's name, the exit code, or the operating system's error."""
        if self.error is not None:
            return str(self.error)
        if self.code >= 0:
            return f"exit code {self.code}"
        try:
            return signal.Signals(-self.code).name
        except ValueError:
            return f"signal {-self.code}"

    def __str__(self) -> str:
        """Return e.g. ``(SIGKILL) after it was ready``."""
        return f"({self.how}) {'after' if self.was_ready else 'before'} it was ready"
