"""A configuration for a command that runs it: the same check as ``streamroute check``, or the end."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamroute.cli.colors import wants_color
from streamroute.cli.exits import Exit
from streamroute.cli.logs import say_error

if TYPE_CHECKING:
    from streamroute.compiler.compilation import Compiled
    from streamroute.config.document import Document

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Runnable:
    """A configuration without errors."""

    document: Document
    compiled: Compiled


def load_or_exit(path: Path, *, imports: bool = True) -> Runnable:
    """Check the configuration as for production; with an error, print every finding and exit with 1.

    Without ``imports`` no code of the user's runs. Warnings and infos are logged: they never stop
    production.
    """
    from streamroute.cli.findings import summary
    from streamroute.cli.formats.full import render_full
    from streamroute.compiler.check import check_path
    from streamroute.config.diagnostics import Severity, has_errors

    result = check_path(path, unset="error", imports=imports)
    if has_errors(result.findings) or result.document is None or result.compiled is None:
        click.echo(render_full(result.findings, result.sources, color=wants_color(sys.stdout)), nl=False)
        say_error(f"{path} cannot be used: {summary(result.findings)}")
        click.get_current_context().exit(Exit.FOUND)
    for finding in result.findings:
        log.log(logging.WARNING if finding.severity is Severity.WARNING else logging.INFO, "%s", finding)
    return Runnable(result.document, result.compiled)
