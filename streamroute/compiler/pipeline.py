"""The one way from a path to what runs: ``check``, ``serve`` and ``compile_routes`` all go this way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from streamroute.compiler.compiled import Compiled
from streamroute.compiler.compiler import all_findings, compile_document, too_large
from streamroute.compiler.rules.whole_config import check_together
from streamroute.config.document import Document
from streamroute.config.files.includes import TEST_SUFFIX
from streamroute.config.findings import suggestions
from streamroute.config.findings.finding import START, Finding, Severity, has_errors, sort_findings
from streamroute.config.findings.text_file import TextFile
from streamroute.config.load import LoadedConfig, config_file, load_config
from streamroute.config.paths import list_folder
from streamroute.config.yaml.source import SourceFile

if TYPE_CHECKING:
    from streamroute.config.route_tests import RouteTest, RouteTestSuite


class CheckResult(NamedTuple):
    """Everything that was found, sorted by place, and what may run if none of it is an error.

    ``document`` and ``compiled`` are None where the files leave nothing to compile. ``tests`` are those
    beside the files, where they were asked for. ``sources`` are the files by the paths that findings name.
    """

    findings: tuple[Finding, ...]
    document: Document | None
    compiled: Compiled | None
    sources: Mapping[str, TextFile]
    tests: tuple[RouteTest, ...] = ()


def check_path(
    path: str | Path,
    *,
    env: Mapping[str, str] | None = None,
    unset: Literal["info", "error"] = "error",
    imports: bool = True,
    tests: bool = False,
    beside: Sequence[Document] = (),
    outside: bool = False,
) -> CheckResult:
    """Load and compile a configuration, collecting every finding of every step.

    ``env`` gives the variables (None: the process's own), ``unset`` the severity of one that is not set.
    Without ``imports`` no code of the user's runs. With ``tests`` the tests of its routes are read, and
    checked but not run. ``beside`` are configurations that were checked before, which this one may
    disagree with. Files that are ``outside`` of the configuration's folder are refused unless asked for.
    Never raises for what the files hold.
    """
    try:
        with suggestions.limit_lookups():
            return _checked(path, env, unset, outside=outside, imports=imports, tests=tests, beside=beside)
    except (RecursionError, MemoryError) as error:
        name = config_file(path)
        return CheckResult((TextFile(name, "").finding("SR027", too_large(error), START),), None, None, {})


def _checked(
    path: str | Path,
    env: Mapping[str, str] | None,
    unset: Literal["info", "error"],
    *,
    outside: bool,
    imports: bool,
    tests: bool,
    beside: Sequence[Document],
) -> CheckResult:
    loaded = load_config(path, env=env, unset=unset, outside=outside)
    beside_files = cache(lambda: _expectations(loaded))
    compiled = None
    if loaded.document is not None:
        compiled = compile_document(
            loaded.document, imports=imports, messages=lambda: _messages(beside_files())
        )
    found = all_findings(loaded.findings, compiled.findings if compiled else ())
    if compiled is not None:
        found = all_findings(found, _together(compiled, found, beside))
    result = CheckResult(found, loaded.document, compiled, loaded.files)
    if tests:
        result = _with_tests(result, loaded, beside_files())
    return result._replace(findings=_silenced(result, imports=imports, beside=beside))


def _together(
    compiled: Compiled, findings: Iterable[Finding], beside: Sequence[Document]
) -> Iterator[Finding]:
    """What the parts mean together; where some may be missing, the others are not blamed for it."""
    broken = (found for found in findings if found.code < "SR3" and found.severity is Severity.ERROR)
    if next(broken, None) is None:
        yield from check_together(compiled.document, compiled.routes, beside)


def _expectations(loaded: LoadedConfig) -> RouteTestSuite | None:
    """The tests beside the files; None where there are none."""
    if loaded.document is None:
        return None
    folders = dict.fromkeys(Path(source.path).parent for source in loaded.document.sources)
    if not any(path.name.endswith(TEST_SUFFIX) for folder in folders for path in list_folder(folder)):
        return None
    from streamroute.config.route_tests import find_test_files, load_route_tests

    return load_route_tests(find_test_files(folders), loaded.document.reader)


def _messages(read: RouteTestSuite | None) -> Iterator[Mapping[str, Any]]:
    """The messages of the tests, but for those that lie in Redis."""
    for test in () if read is None else read.tests:
        if isinstance(test.message, Mapping):
            yield test.message


def _with_tests(result: CheckResult, loaded: LoadedConfig, read: RouteTestSuite | None) -> CheckResult:
    """The result together with the tests beside the files, and with what is wrong in them.

    Where the files have errors, routes may be missing that the tests name.
    """
    if loaded.document is None or read is None:
        return result
    from streamroute.compiler.rules.route_test_references import check_expectations

    wrong = () if has_errors(loaded.findings) else check_expectations(loaded.document, read.tests)
    found = all_findings(result.findings, read.findings, wrong)
    return result._replace(findings=found, sources={**result.sources, **read.files}, tests=read.tests)


def _silenced(result: CheckResult, *, imports: bool, beside: Sequence[Document]) -> tuple[Finding, ...]:
    """The findings less those that a comment in a file silences."""
    sources = [file for file in result.sources.values() if isinstance(file, SourceFile)]
    if not any("streamroute" in source.text for source in sources):
        return result.findings
    from streamroute.config.suppressions.ignore_comments import suppress

    unchecked = _unchecked(result.findings, imports=imports, beside=beside)
    return tuple(sort_findings(suppress(result.findings, sources, unchecked=unchecked)))


def _unchecked(findings: Iterable[Finding], *, imports: bool, beside: Sequence[Document]) -> tuple[str, ...]:
    """The beginnings of the codes that were not looked for everywhere."""
    worst = min((found.code for found in findings if found.severity is Severity.ERROR), default="SR9")
    if worst < "SR2":
        return ("SR",)
    together = ("SR21", "SR22") if worst < "SR3" else () if beside else ("SR215",)
    return (*together, "SR410" if imports else "SR4")
