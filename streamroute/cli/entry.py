"""The entry point: at any time, Ctrl-C ends a command with exit code 130 and without a traceback."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from streamroute.cli.output.standard_streams import reopen_closed_streams

_INTERRUPTED = 128 + signal.SIGINT


def main() -> None:
    """Load the command line, run it, and exit."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # otherwise it is ignored
    if ours:
        # KeyboardInterrupt during imports would print a traceback, or be swallowed by the import system.
        signal.signal(signal.SIGINT, _exit_now)
    if sys.argv[1:2] == ["serve"]:
        from streamroute.cli.process.hangups import keep_hangups

        keep_hangups()
    reopen_closed_streams()
    run = _command_line()
    try:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    finally:
        if ours:
            signal.signal(signal.SIGINT, _exit_now)


def _command_line() -> Callable[[], None]:
    """Import what the command line needs, and return the function that runs it and exits."""
    if sys.argv[1:2] == ["check"]:
        from streamroute.cli.commands.checking.plain import plain_check

        plain = plain_check(sys.argv[2:], _run_through_click)
        if plain is not None:
            return plain
    from streamroute.cli.main import main as run

    return run


def _run_through_click() -> None:
    from streamroute.cli.main import main as run

    run()


def _exit_now(_number: int, _frame: object) -> None:
    """Exit at once: nothing is open at this time."""
    os._exit(_INTERRUPTED)
