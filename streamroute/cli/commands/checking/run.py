"""A run of the check over the selected configurations and rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from streamroute.cli.arguments.paths import config_path
from streamroute.cli.commands.checking.rule_selection import Selection
from streamroute.cli.output.findings import FindingsReport
from streamroute.compiler.pipeline import CheckResult, check_path
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.config.findings.finding import merge_findings
from streamroute.config.root_file import find_root


class CheckOptions(NamedTuple):
    """The options of a run.

    ``unset`` is the severity of a variable that is not set; ``outside`` allows reading files outside the
    folder of their configuration.
    """

    paths: tuple[str, ...] = ()
    unset: Literal["error", "info"] = "info"
    imports: bool = True
    selection: Selection = Selection()
    outside: bool = False


class CheckRun(NamedTuple):
    """The result of a run: its report, the configurations, and the number of findings not selected."""

    report: FindingsReport
    roots: tuple[Path, ...]
    left_out: int = 0


def check(options: CheckOptions, after_each: Callable[[Path], None] | None = None) -> CheckRun:
    """Check each configuration once. Raises click.UsageError for a path that does not exist.

    ``after_each`` is called with each root before its imported modules are removed.
    """
    roots = _roots(options.paths)
    results: list[CheckResult] = []
    for root in roots:
        beside = [result.document for result in results if result.document is not None]
        with isolated_imports(root.parent):
            result = check_path(
                root,
                unset=options.unset,
                imports=options.imports,
                tests=True,
                beside=beside,
                outside=options.outside,
            )
            results.append(result)
            if after_each is not None:
                after_each(root)
    findings = merge_findings(result.findings for result in results)
    sources = {name: file for result in results for name, file in result.sources.items()}
    selected = options.selection.of(findings)
    return CheckRun(FindingsReport(selected, sources), tuple(roots), len(findings) - len(selected))


def _roots(paths: Sequence[str]) -> list[Path]:
    """Return the configurations of the paths, each once, in the order of the paths."""
    roots: dict[Path, Path] = {}
    for path in paths or (None,):
        root = find_root(config_path(path))
        roots.setdefault(root.resolve(), root)
    return list(roots.values())
