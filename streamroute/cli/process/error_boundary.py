"""The error boundary: converts every outcome of a command to an exit code and a message."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from streamroute.cli.output.standard_streams import discard
from streamroute.cli.output.streams import echo, echo_usage_error
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.errors import RedisUnavailableError, StreamrouteError
from streamroute.text.safe_text import safe_str

if TYPE_CHECKING:
    import click

_INTERRUPTED: Final = 130
_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG})
"""Errors of writing to stdout in click, as for ``--help``; such errors have no file name."""


def run_guarded(run: Callable[[], Any]) -> int:
    """Run a command; returns its exit code. Expected errors print one line, bugs print a traceback."""
    try:
        return int(run() or 0)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last line of defense says whose fault it was
        return _exit_code_after(error)


def _exit_code_after(error: Exception) -> int:  # noqa: PLR0911 - a return for each way to end
    """Report the error; returns the exit code for it."""
    import click  # here, since a command that succeeds may not need it

    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.Abort():
            return _INTERRUPTED
        case click.ClickException():
            _show(error)
            return ExitCode.USAGE
        case RedisUnavailableError():
            return _print_error(error, ExitCode.NO_REDIS)
        case StreamrouteError():
            return _print_error(error, ExitCode.FOUND)
        case OSError() if error.errno in _UNWRITABLE and error.filename is None:
            discard(sys.stdout)
            unwritten = StreamrouteError(f"could not write the output: {error.strerror}")
            return _print_error(unwritten, ExitCode.FOUND)
    return _print_internal_error(error)


def _print_internal_error(error: Exception) -> int:
    from streamroute.logs.exception_text import traceback_text

    echo(traceback_text(error), nl=False, err=True)
    echo("This is a bug in streamroute, not in your files; please report it.", err=True)
    return ExitCode.INTERNAL


def _show(error: click.ClickException) -> None:
    from streamroute.cli.output.logging import echo_error, logs_as_json

    if logs_as_json():
        echo_error(error.format_message())
    else:
        echo_usage_error(error)


def _print_error(error: StreamrouteError, code: ExitCode) -> int:
    from streamroute.cli.output.logging import echo_error

    echo_error(safe_str(error))
    return code
