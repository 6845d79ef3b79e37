"""``streamroute check``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamroute.cli.exits import Exit
from streamroute.cli.paths import config_path

if TYPE_CHECKING:
    from streamroute.config.diagnostics import Finding


@click.command(name="check")
@click.argument("paths", nargs=-1)
@click.option("--env", "needs_env", is_flag=True, help="A ${VARIABLE} that is not set here is an error.")
@click.option("--no-import", is_flag=True, help="Run none of the project's code: handlers are not looked at.")
@click.option(
    "--format", "form", type=click.Choice(["full", "concise", "json"]), default="full", show_default=True
)
def command(paths: tuple[str, ...], needs_env: bool, no_import: bool, form: str) -> int:
    """Say what is wrong in PATHS, or in routes.yaml here.

    Every mistake of a run is shown at once, each with its place. Of an included file the configuration
    that includes it is checked. Handlers are imported, to see that they are there and take their
    arguments. Redis is not needed.
    """
    from streamroute.cli.findings import render_concise, render_full, render_json, summary
    from streamroute.compiler.check import check_path
    from streamroute.config.diagnostics import sort_findings
    from streamroute.config.roots import find_root

    roots = dict.fromkeys(find_root(config_path(path)) for path in paths or (None,))
    results = [
        check_path(root, unset="error" if needs_env else "info", imports=not no_import) for root in roots
    ]
    findings = sort_findings(finding for result in results for finding in result.findings)
    files = {name: file for result in results for name, file in result.sources.items()}
    if form == "json":
        click.echo(render_json(findings), nl=False)
    elif form == "concise":
        click.echo(render_concise(findings), nl=False)
    else:
        click.echo(render_full(findings, files, color=sys.stdout.isatty()), nl=False)
    _conclude(findings, roots, summary(findings))
    return Exit.FOUND if _is_wrong(findings) else Exit.OK


def _conclude(findings: Sequence[Finding], roots: Sequence[Path] | dict[Path, None], counts: str) -> None:
    checked = ", ".join(str(root) for root in roots)
    if findings:
        click.echo(f"{counts} in {checked}", err=True)
    else:
        click.echo(f"{checked}: nothing is wrong", err=True)


def _is_wrong(findings: Sequence[Finding]) -> bool:
    from streamroute.config.diagnostics import Severity

    return any(finding.severity is not Severity.INFO for finding in findings)
