"""The time limit: ends a command that reads files in time, whatever their content.

All work that a file can cause has its own limits. This is the last resort: it ends the process with a finding
in the selected format, even in the middle of a regular expression.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.formats.rendering import render, write_rendered
from streamroute.cli.output.streams import echo
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.rules import RULES

SECONDS: Final = 120.0
"""Many times the duration of a check of ten thousand routes on a slow machine."""

_STDERR: Final = 2
_ABORT_DELAY: Final = 10.0
"""Further seconds after which a process that cannot handle the signal ends without a finding."""


@contextmanager
def time_limit(seconds: float, root: Path | str, output_format: str | None) -> Iterator[None]:
    """End the process with a finding about ``root`` and exit code 1, unless the block ends in time.

    The finding is in this format of ``check``; for None, it is in the format ``full`` on stderr. Only the
    main thread receives signals: in other threads there is no limit.
    """
    finding = time_limit_finding(root, seconds)
    text = render(
        FindingsReport([finding], {}), output_format or "full"
    )  # rendered now: in the signal handler, imports may fail

    def end(_signal: int, _frame: FrameType | None) -> None:
        if output_format is None:
            echo(text, err=True)
        else:
            write_rendered(text, output_format)
        echo(f"{root}: the check was ended after {seconds:g} s", err=True)
        sys.stdout.flush()
        os._exit(ExitCode.FOUND)

    started = time.monotonic()
    try:
        handler = signal.signal(signal.SIGALRM, end)
    except ValueError:  # another thread than the main one
        yield
        return
    running, again = signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(seconds + _ABORT_DELAY, exit=True, file=_STDERR)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if running:  # resume the alarm that was set before
            signal.setitimer(signal.ITIMER_REAL, max(0.001, running - (time.monotonic() - started)), again)


def time_limit_finding(root: Path | str, seconds: float) -> Finding:
    """Return the finding for a check that did not end in time."""
    message = f"the check was ended after {seconds:g} s, before it was complete"
    help_text = "take out what is huge, or allow more: streamroute check --time-limit SECONDS"
    return Finding("SR026", RULES["SR026"].severity, message, str(root), help=help_text)
