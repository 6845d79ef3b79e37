"""``streamroute check``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from streamroute.cli.exits import Exit
from streamroute.cli.paths import config_path

if TYPE_CHECKING:
    from streamroute.compiler.check import CheckResult
    from streamroute.config.diagnostics import Finding


@click.command(name="check")
@click.argument("paths", nargs=-1)
@click.option("--env", "needs_env", is_flag=True, help="A ${VARIABLE} that is not set here is an error.")
@click.option("--no-import", is_flag=True, help="Run none of the project's code: handlers are not looked at.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["full", "concise", "json"]),
    default="full",
    show_default=True,
    help="With source lines and carets, one line each, or for machines.",
)
def command(paths: tuple[str, ...], needs_env: bool, no_import: bool, form: str) -> int:
    """Say what is wrong in PATHS, or in routes.yaml here.

    Every mistake of a run is shown at once, each with its place. Of an included file the configuration
    that includes it is checked. Handlers are imported, to see that they are there and take their
    arguments. Redis is not needed.
    """
    from streamroute.config.diagnostics import Severity, sort_findings

    roots = _roots(paths)
    results = _check(roots, unset="error" if needs_env else "info", imports=not no_import)
    findings = sort_findings(finding for result in results for finding in result.findings)
    _print(findings, results, form)
    _conclude(findings, roots)
    is_wrong = any(finding.severity is not Severity.INFO for finding in findings)
    return Exit.FOUND if is_wrong else Exit.OK


def _roots(paths: Sequence[str]) -> list[Path]:
    """The configurations that are meant, each once, in the order in which they were named."""
    from streamroute.config.roots import find_root

    roots: dict[Path, Path] = {}
    for path in paths or (None,):
        root = find_root(config_path(path))
        roots.setdefault(root.resolve(), root)
    return list(roots.values())


def _check(roots: Sequence[Path], *, unset: Literal["error", "info"], imports: bool) -> list[CheckResult]:
    from streamroute.compiler.check import check_path
    from streamroute.compiler.imports import own_imports

    results = []
    for root in roots:
        with own_imports(root.parent):
            results.append(check_path(root, unset=unset, imports=imports))
    return results


def _print(findings: Sequence[Finding], results: Sequence[CheckResult], form: str) -> None:
    from streamroute.cli.findings import render_concise, render_full, render_json

    if form == "json":
        text = render_json(findings)
    elif form == "concise":
        text = render_concise(findings)
    else:
        files = {name: file for result in results for name, file in result.sources.items()}
        text = render_full(findings, files, color=sys.stdout.isatty())
    click.echo(text, nl=False)


def _conclude(findings: Sequence[Finding], roots: Sequence[Path]) -> None:
    from streamroute.cli.findings import summary

    checked = ", ".join(map(str, roots))
    click.echo(f"{summary(findings)} in {checked}" if findings else f"{checked}: nothing is wrong", err=True)
