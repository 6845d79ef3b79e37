"""``streamroute check`` with paths and its simplest options only, which runs without click.

The import of click takes a fifth of the time of a small check. Arguments that are not read here exactly as
click reads them, and usage errors, are left to click.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from streamroute.cli.output.formats import FORMATS


class PlainArguments(NamedTuple):
    """The arguments of a plain check."""

    paths: tuple[str, ...] = ()
    needs_env: bool = False
    no_import: bool = False
    output_format: str = "full"


def plain_arguments(arguments: Sequence[str]) -> PlainArguments | None:
    """Read the arguments after ``check``; returns None if click has to read them."""
    plain = PlainArguments()
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            plain = plain._replace(paths=(*plain.paths, argument))
        elif argument == "--env":
            plain = plain._replace(needs_env=True)
        elif argument == "--no-import":
            plain = plain._replace(no_import=True)
        elif argument == "--format" and (value := next(rest, "")) in FORMATS:
            plain = plain._replace(output_format=value)
        else:
            return None
    return plain


def plain_check(arguments: Sequence[str], through_click: Callable[[], None]) -> Callable[[], None] | None:
    """Import what a plain check needs, and return the function that runs it; None if click has to.

    That function calls ``through_click`` after a usage error, to print it with the usage of the command.
    """
    if "_STREAMROUTE_COMPLETE" in os.environ or os.name == "nt":  # click expands patterns on Windows
        return None
    plain = plain_arguments(arguments)
    if plain is None:
        return None
    gc.disable()  # this process ends soon, so collections only cost time
    from streamroute.cli.commands.checking.report import check_and_report
    from streamroute.cli.commands.checking.run import CheckOptions
    from streamroute.cli.output.streams import capture_warnings, echo
    from streamroute.cli.process.error_boundary import run_guarded
    from streamroute.cli.process.time_limit import SECONDS

    options = CheckOptions(
        plain.paths, unset="error" if plain.needs_env else "info", imports=not plain.no_import
    )

    def check() -> int:
        try:
            return check_and_report(options, plain.output_format, SECONDS)
        except KeyboardInterrupt:
            echo("", err=True)  # as click does: the next prompt is not on the line of ^C
            raise
        except Exception as error:
            if not _is_usage_error(error):
                raise
        through_click()
        return 0

    def run() -> None:
        capture_warnings()
        code = run_guarded(check)
        gc.freeze()  # so that the collection at the end of the process does not go through all modules
        sys.exit(code)

    return run


def _is_usage_error(error: Exception) -> bool:
    from click import UsageError

    return isinstance(error, UsageError)
