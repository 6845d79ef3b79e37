"""Entry: from its first moment to its last, Ctrl-C ends a command with 130, and without a traceback."""

from __future__ import annotations

import os
import signal
import sys

from streamroute.cli.output.standard_streams import reopen_closed_streams

_INTERRUPTED = 128 + signal.SIGINT


def main() -> None:
    """Load the command line, run it, and exit."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else somebody wants it ignored
    if ours:
        # Raised while modules are loaded, an exception would be shown, or get lost in the import system.
        signal.signal(signal.SIGINT, _exit_now)
    reopen_closed_streams()
    from streamroute.cli.main import main as run

    try:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    finally:
        if ours:
            signal.signal(signal.SIGINT, _exit_now)


def _exit_now(_number: int, _frame: object) -> None:
    """Nothing is open yet, or no more."""
    os._exit(_INTERRUPTED)
