"""How ``serve --http`` starts its board."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamroute.cli.arguments.http import HttpOptions
from streamroute.cli.arguments.path_options import outside_allowed
from streamroute.cli.commands.serving.board_process import BoardStart
from streamroute.cli.commands.serving.router_link import LISTENER_OPTION, METRICS_OPTION
from streamroute.ops.metrics.server import Endpoint

if TYPE_CHECKING:
    from streamroute.cli.commands.serving.options import ServeOptions
    from streamroute.system.file_record import FileRecord

_ANY_PORT: Final = Endpoint("127.0.0.1", 0)


def with_board(
    options: ServeOptions, path: Path, folder: Path, record: FileRecord, given: Mapping[str, Any]
) -> ServeOptions:
    """Return the options with the board that the command line asks for, if it does (``given``).

    ``record`` are the files that it shows first, ``folder`` is the state folder. The policy is checked here,
    so that a mistake stops the start. Raises SetupError if it is unsafe, or a file or an address is invalid.
    """
    if given["http"] is None:
        return options
    http = HttpOptions(**{name: value for name, value in given.items() if name.startswith("http")})
    http.policy(folder)
    flags = [*http.as_arguments(), f"--state-dir={folder}", f"--log-format={given['log_format']}"]
    flags += ["--allow-outside"] * outside_allowed() + ["--no-embedded"] * bool(given["no_embedded"])
    board = BoardStart(http.http, http.http_prefix, _command([str(path), *flags]), record)
    return replace(options, board=board, metrics=replace(options.metrics, internal=_ANY_PORT))


def _command(options: Sequence[str]) -> Callable[[int, int], list[str]]:
    def command(listener: int, metrics: int) -> list[str]:
        flags = [f"{LISTENER_OPTION}={listener}", f"{METRICS_OPTION}={metrics}"]
        return [sys.executable, "-P", "-m", "streamroute", "board", *options, *flags]

    return command
