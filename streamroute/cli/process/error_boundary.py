"""Guard: every way in which a command may end becomes an exit code, and words for a person."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from typing import Any, Final

import click

from streamroute.cli.output.standard_streams import discard
from streamroute.cli.output.streams import say, show_usage_error
from streamroute.cli.process.exit_codes import Exit
from streamroute.errors import RedisUnavailableError, StreamrouteError
from streamroute.logs.exception_text import traceback_text
from streamroute.text.safe_text import safe_str

_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG})
"""What writing to stdout may meet where click does it, as for ``--help``; other errors name their file."""


def guarded(run: Callable[[], Any]) -> int:  # noqa: PLR0911 - a return for each way to end
    """Run a command; returns its exit code. Expected errors are one line, a traceback is a bug here."""
    try:
        code = run()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except click.ClickException as error:
        _show(error)
        return Exit.USAGE
    except RedisUnavailableError as error:
        return _say(error, Exit.NO_REDIS)
    except StreamrouteError as error:
        return _say(error, Exit.FOUND)
    except OSError as error:
        if error.errno not in _UNWRITABLE or error.filename is not None:
            return _say_fault(error)
        discard(sys.stdout)
        return _say(StreamrouteError(f"the output cannot be written: {error.strerror}"), Exit.FOUND)
    except Exception as error:  # noqa: BLE001 - the last line of defense says whose fault it was
        return _say_fault(error)
    return int(code or 0)


def _say_fault(error: Exception) -> int:
    say(traceback_text(error), nl=False, err=True)
    say("This is a fault of streamroute, not of your files: please report it.", err=True)
    return Exit.INTERNAL


def _show(error: click.ClickException) -> None:
    from streamroute.cli.output.logging import say_error, speaks_json

    if speaks_json():
        say_error(error.format_message())
    else:
        show_usage_error(error)


def _say(error: StreamrouteError, code: Exit) -> int:
    from streamroute.cli.output.logging import say_error

    say_error(safe_str(error))
    return code
