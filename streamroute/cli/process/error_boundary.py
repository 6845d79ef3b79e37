"""The error boundary: converts every outcome of a command to an exit code and a message."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from typing import Any, Final

import click

from streamroute.cli.output.standard_streams import discard
from streamroute.cli.output.streams import echo, echo_usage_error
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.errors import RedisUnavailableError, StreamrouteError
from streamroute.logs.exception_text import traceback_text
from streamroute.text.safe_text import safe_str

_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG})
"""Errors of writing to stdout in click, as for ``--help``; such errors have no file name."""


def run_guarded(run: Callable[[], Any]) -> int:  # noqa: PLR0911 - a return for each way to end
    """Run a command; returns its exit code. Expected errors print one line, bugs print a traceback."""
    try:
        code = run()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except click.ClickException as error:
        _show(error)
        return ExitCode.USAGE
    except RedisUnavailableError as error:
        return _print_error(error, ExitCode.NO_REDIS)
    except StreamrouteError as error:
        return _print_error(error, ExitCode.FOUND)
    except OSError as error:
        if error.errno not in _UNWRITABLE or error.filename is not None:
            return _print_internal_error(error)
        discard(sys.stdout)
        return _print_error(StreamrouteError(f"could not write the output: {error.strerror}"), ExitCode.FOUND)
    except Exception as error:  # noqa: BLE001 - the last line of defense says whose fault it was
        return _print_internal_error(error)
    return int(code or 0)


def _print_internal_error(error: Exception) -> int:
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
