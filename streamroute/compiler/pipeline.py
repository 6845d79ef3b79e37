"""Load and compile a configuration, for ``check``, ``serve`` and ``compile_routes`` alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from streamroute.compiler.compiled import Compiled
from streamroute.compiler.compiler import compile_document, too_large
from streamroute.compiler.rules.context import RuleContext
from streamroute.compiler.rules.registry import ALL_RULES, run_checks
from streamroute.compiler.type_patterns import TypePatterns
from streamroute.config.document import Document
from streamroute.config.files.includes import TEST_SUFFIX
from streamroute.config.findings.finding import START, Finding, Severity, has_errors, sort_findings
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.findings.text_file import TextFile
from streamroute.config.load import LoadResult, config_file, load_config
from streamroute.config.yaml.source import SourceFile
from streamroute.system.files import FileReader
from streamroute.text import suggestions

if TYPE_CHECKING:
    from streamroute.config.route_tests import RouteTest, RouteTestSuite


_HIDING_ALL: Final = frozenset({Stage.FILE, Stage.SCHEMA})
"""Stages whose errors may hide any other finding."""
_HIDING_PARTS: Final = _HIDING_ALL | {Stage.ROUTES}
"""Stages whose errors may hide parts that other parts refer to."""


class CheckResult(NamedTuple):
    """All findings, sorted by place, and the compiled configuration, which may run if none is an error.

    ``document`` and ``compiled`` are None if the files cannot be compiled. ``tests`` are the route tests
    beside the files, if requested. ``sources`` are the files, by the paths that findings use.
    """

    findings: tuple[Finding, ...]
    document: Document | None
    compiled: Compiled | None
    sources: Mapping[str, TextFile]
    tests: tuple[RouteTest, ...] = ()


def check_path(  # noqa: PLR0913 - a keyword for each choice
    path: str | Path,
    *,
    env: Mapping[str, str] | None = None,
    unset: Literal["info", "error"] = "error",
    imports: bool = True,
    tests: bool = False,
    beside: Sequence[Document] = (),
    outside: bool = False,
    files: FileReader | None = None,
    needs_server: bool = True,
) -> CheckResult:
    """Load and compile a configuration, collecting the findings of every step.

    ``env`` holds the environment variables (None: those of the process); ``unset`` is the severity of an
    unset one. Without ``imports`` no user code runs. With ``tests`` the route tests are read and checked, but
    not run. ``beside`` are configurations checked earlier, to compare with this one. Files outside the
    configuration's folder are refused unless ``outside``; ``files`` reads the files instead, for example from
    a record, and decides which may be read. Without ``needs_server``, variables of ``redis`` may be unset.
    Never raises because of a file's content.
    """
    try:
        with suggestions.limit_lookups():
            loaded = load_config(
                path, env=env, unset=unset, outside=outside, files=files, needs_server=needs_server
            )
            return _checked(loaded, imports=imports, tests=tests, beside=beside)
    except (RecursionError, MemoryError) as error:
        name = config_file(path, files)
        return CheckResult((TextFile(name, "").finding("SR027", too_large(error), START),), None, None, {})


def findings_for_running(result: CheckResult, *, imports: bool) -> list[Finding]:
    """Return the findings that concern running the configuration.

    Those in test files do not; nor do those about handlers if none was imported, since none is called.
    """
    findings = [finding for finding in result.findings if not finding.file.endswith(TEST_SUFFIX)]
    if imports:
        return findings
    return [finding for finding in findings if ALL_RULES[finding.code].stage is not Stage.HANDLERS]


def cold_changes(running: Document, document: Document) -> list[Finding]:
    """Return a finding for each setting of ``document`` that a reload cannot change; they are errors."""
    context = RuleContext(document, TypePatterns(()), running=running)
    return list(run_checks(Stage.RELOAD, context))


def _checked(loaded: LoadResult, *, imports: bool, tests: bool, beside: Sequence[Document]) -> CheckResult:
    result = CheckResult(loaded.findings, loaded.document, None, loaded.files)
    if loaded.document is not None:
        beside_files = cache(lambda: _expectations(loaded))
        result = _compiled(result, loaded.document, imports=imports, beside=beside, tests=beside_files)
        if tests:
            result = _with_tests(result, loaded, beside_files())
    findings = _suppressed(result, imports=imports, beside=beside)
    return result._replace(findings=tuple(sort_findings(findings)))


def _compiled(
    result: CheckResult,
    document: Document,
    *,
    imports: bool,
    beside: Sequence[Document],
    tests: Callable[[], RouteTestSuite | None],
) -> CheckResult:
    """Add the compiled document, and the findings about how its parts fit together.

    Those checks are skipped if an error may hide some of the parts.
    """
    compiled = compile_document(document, imports=imports, messages=lambda: _messages(tests()))
    findings = (*result.findings, *compiled.findings)
    if not _stages_with_errors(findings) & _HIDING_PARTS:
        context = RuleContext(document, TypePatterns(()), compiled.routes, beside=beside)
        findings = (*findings, *run_checks(Stage.CONFIGURATION, context))
    return result._replace(findings=findings, compiled=compiled)


def _stages_with_errors(findings: Iterable[Finding]) -> set[Stage]:
    codes = {finding.code for finding in findings if finding.severity is Severity.ERROR}
    return {ALL_RULES[code].stage for code in codes}


def _expectations(loaded: LoadResult) -> RouteTestSuite | None:
    """Load the route tests beside the files; None if there are none."""
    if loaded.document is None:
        return None
    files = loaded.document.reader
    folders = dict.fromkeys(Path(source.path).parent for source in loaded.document.sources)
    if not any(name.endswith(TEST_SUFFIX) for folder in folders for name in files.listing(folder)):
        return None
    from streamroute.config.route_tests import find_test_files, load_route_tests

    return load_route_tests(find_test_files(folders, files), files)


def _messages(suite: RouteTestSuite | None) -> Iterator[Mapping[str, Any]]:
    """The messages of the tests, except references to Redis entries."""
    for test in () if suite is None else suite.tests:
        if isinstance(test.message, Mapping):
            yield test.message


def _with_tests(result: CheckResult, loaded: LoadResult, suite: RouteTestSuite | None) -> CheckResult:
    """Add the route tests beside the files, and their findings.

    If the files have errors, the tests are not checked: routes that they name may be missing.
    """
    if loaded.document is None or suite is None:
        return result
    problems: Iterable[Finding] = ()
    if not has_errors(loaded.findings):
        context = RuleContext(loaded.document, TypePatterns(()), tests=suite.tests)
        problems = run_checks(Stage.ROUTE_TESTS, context)
    findings = (*result.findings, *suite.findings, *problems)
    return result._replace(findings=findings, sources={**result.sources, **suite.files}, tests=suite.tests)


def _suppressed(result: CheckResult, *, imports: bool, beside: Sequence[Document]) -> Iterable[Finding]:
    """Remove the findings that a comment in a file suppresses."""
    sources = [file for file in result.sources.values() if isinstance(file, SourceFile)]
    if not any("streamroute" in source.text for source in sources):
        return result.findings
    from streamroute.config.suppressions.ignore_comments import suppress

    failed = _stages_with_errors(result.findings)

    def is_checked(rule: Rule) -> bool:
        return _is_checked(rule, failed, imports=imports, is_alone=not beside)

    return suppress(result.findings, sources, ALL_RULES, is_checked)


def _is_checked(rule: Rule, failed: AbstractSet[Stage], *, imports: bool, is_alone: bool) -> bool:
    """Whether this run checked a rule everywhere, given the stages that ``failed``."""
    if failed & _HIDING_ALL:
        return False
    if rule.stage is Stage.CONFIGURATION:
        return not failed & _HIDING_PARTS and not (is_alone and rule.compares)
    if rule.stage is Stage.HANDLERS:
        return imports and not rule.is_unverified
    return True
