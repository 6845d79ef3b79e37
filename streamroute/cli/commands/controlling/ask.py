"""Ask every running ``serve`` of a configuration, and print the results."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from streamroute.cli.arguments.paths import config_path
from streamroute.cli.arguments.state_dir import own_root, root_path
from streamroute.cli.output.streams import echo
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.errors import StreamrouteError

if TYPE_CHECKING:
    from streamroute.ops.reload.control.messages import ControlAnswer, ControlRequest

TIMEOUT: Final = click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 86_400),
    default=120.0,
    show_default=True,
    help="How long to wait for each process.",
)


def ask_and_print(
    config: str | None, state_dir: str | None, request: ControlRequest, timeout: float
) -> ExitCode:
    """Send a request to every process that serves the configuration, and print each result.

    Those that serve another one from the same state folder are not meant.

    Returns OK if all succeeded. Raises StreamrouteError if there is none; click.UsageError if the
    configuration does not exist.
    """
    from streamroute.ops.generations.state_folder import absolute_root, state_folder
    from streamroute.ops.reload.control.client import ask_all
    from streamroute.ops.reload.control.messages import ControlAnswer

    path = root_path(config)
    own = own_root(config)
    request = replace(request, root="" if own is None else absolute_root(own))
    code, count = ExitCode.OK, 0
    for answer in ask_all(state_folder(path, state_dir), request, timeout):
        count += 1
        if isinstance(answer, ControlAnswer) and answer.is_ok:
            _print_success(answer)
        else:
            _print_failure(answer)
            code = ExitCode.FOUND
    if not count:
        config_path(config)
        raise StreamrouteError(
            f"no running serve of {path} was found; one of another user, in another container, or with "
            "another --state-dir cannot be reached"
        )
    return code


def _print_success(answer: ControlAnswer) -> None:
    assert answer.result is not None  # noqa: S101 - it is ok
    echo(f"process {answer.process}: {answer.result.message}")
    if answer.note:
        echo(f"note: {answer.note}", err=True)


def _print_failure(answer: ControlAnswer | StreamrouteError) -> None:
    from streamroute.cli.output.logging import echo_error

    if isinstance(answer, StreamrouteError):
        echo_error(str(answer))
        return
    if answer.result is not None and answer.result.findings:
        echo(answer.result.findings, nl=False)
    reason = answer.error if answer.result is None else answer.result.message
    echo_error(f"process {answer.process}: {reason}")
