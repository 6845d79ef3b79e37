"""Loads a configuration for a command: checks it as ``streamroute check`` does, and exits on errors."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

import click

from streamroute.cli.arguments.path_options import outside_allowed
from streamroute.cli.output.logging import echo_error
from streamroute.cli.output.streams import echo
from streamroute.cli.output.terminal import terminal_width, wants_color
from streamroute.cli.process.exit_codes import ExitCode

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled
    from streamroute.compiler.pipeline import CheckResult
    from streamroute.config.document import Document, RouteConfig
    from streamroute.system.files import FileReader


@dataclass(frozen=True, slots=True)
class UsableConfig:
    """A configuration without errors, and the result of its check."""

    document: Document
    compiled: Compiled
    checked: CheckResult

    @property
    def routes(self) -> list[RouteConfig]:
        """The routes in order, with their type patterns expanded."""
        return [route.config for route in self.compiled.routes]


def load_or_exit(path: Path, *, imports: bool = True) -> UsableConfig:
    """Check the configuration as for production; on errors, print every finding and exit with 1.

    Without ``imports``, no user code runs, and there is a time limit. Warnings and infos are only logged.
    """
    from streamroute.cli.process.time_limit import SECONDS, time_limit
    from streamroute.ops.serve.findings_log import log_findings

    with nullcontext() if imports else time_limit(SECONDS, path, "full"):
        loaded = check_or_exit(path, imports=imports, unset="error")
    log_findings(loaded.checked.findings)
    return loaded


def document_or_exit(path: Path) -> Document:
    """Read the configuration without compiling its expressions; on errors, print them and exit with 1.

    For commands that only look at the streams and routes: with ten thousand routes it saves seconds.
    """
    from streamroute.cli.output.findings import summary, truncate_findings
    from streamroute.cli.output.formats.full import render_full
    from streamroute.config.findings.finding import errors_of
    from streamroute.config.load import load_config

    result = load_config(path, outside=outside_allowed())
    errors = errors_of(result.findings)
    if result.document is not None and not errors:
        return result.document
    columns, color = terminal_width(sys.stderr), wants_color(sys.stderr)
    text = render_full(truncate_findings(errors), result.files, color=color, columns=columns)
    echo(text, nl=False, err=True)
    echo_error(f"{path} cannot be used: {summary(errors)}")
    return exit_unusable()


def check_or_exit(
    path: Path,
    *,
    imports: bool = False,
    unset: Literal["error", "info"] = "info",
    tests: bool = False,
    for_people: bool = True,
    files: FileReader | None = None,
    name: str | None = None,
) -> UsableConfig:
    """Check the configuration; on errors, print every finding and exit with 1.

    With ``tests``, its test files are read too; errors in them are ignored here. Without ``imports``, errors
    of handlers are ignored, as no handler runs. Without ``for_people``, findings go to stderr, as stdout has
    a machine format. ``files`` reads the files, for example those of a revision, and ``name`` is what the
    user calls them.
    """
    _, usable = check_and_print(
        path, imports=imports, unset=unset, tests=tests, for_people=for_people, files=files, name=name
    )
    return exit_unusable() if usable is None else usable


def exit_unusable() -> NoReturn:
    """End the command, whose configuration has errors."""
    click.get_current_context().exit(ExitCode.FOUND)


def check_and_print(
    path: Path,
    *,
    imports: bool,
    unset: Literal["error", "info"],
    tests: bool = False,
    for_people: bool = True,
    files: FileReader | None = None,
    name: str | None = None,
) -> tuple[CheckResult, UsableConfig | None]:
    """Check the configuration; on errors, print every finding, and return None as the usable configuration.

    The arguments are those of ``check_or_exit``.
    """
    from streamroute.cli.output.findings import summary, truncate_findings
    from streamroute.cli.output.formats.full import render_full
    from streamroute.compiler.pipeline import check_path, findings_for_running

    result = check_path(
        path, unset=unset, imports=imports, tests=tests, outside=outside_allowed(), files=files
    )
    usable = usable_config(result, imports=imports)
    if usable is None:
        findings = findings_for_running(result, imports=imports)
        out = sys.stdout if for_people else sys.stderr
        text = render_full(
            truncate_findings(findings), result.sources, color=wants_color(out), columns=terminal_width(out)
        )
        echo(text, nl=False, err=not for_people)
        echo_error(f"{name or path} cannot be used: {summary(findings)}")
    return result, usable


def usable_config(result: CheckResult, *, imports: bool = True) -> UsableConfig | None:
    """Return the configuration of a check; None if it has errors."""
    from streamroute.compiler.pipeline import findings_for_running
    from streamroute.config.findings.finding import has_errors

    is_bad = has_errors(findings_for_running(result, imports=imports))
    if is_bad or result.document is None or result.compiled is None:
        return None
    return UsableConfig(result.document, result.compiled, result)
