"""Route tests as items of pytest: a failure shows what ``streamroute test`` shows."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

from streamroute.cli.output.findings import is_clean
from streamroute.cli.output.formats.full import render_full
from streamroute.cli.output.route_tests.full import failed
from streamroute.compiler.compiled import Compiled
from streamroute.compiler.pipeline import CheckResult, check_path, findings_for_running
from streamroute.config.findings.finding import Finding, errors_of
from streamroute.config.root_file import find_root
from streamroute.config.route_tests import EntryReference, RouteTest
from streamroute.ops.route_tests.runner import Outcome, run_tests
from streamroute.text.safe_text import one_line

_CHECKED: Final = pytest.StashKey[dict[Path, CheckResult]]()
_CONFIG: Final = "routes.yaml"


class RouteTestFailedError(Exception):
    """Raised by an item whose test failed; the text is the report."""


class RouteTestFile(pytest.File):
    """A ``*.test.yaml`` file: an item for each test, and one more if the file itself has findings."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the items. Raises CollectError if the configuration has errors."""
        root = find_root(_shown(self.path.parent / _CONFIG))
        checked = _checked(self.config, root)
        errors = errors_of(findings_for_running(checked, imports=False))
        if errors or checked.compiled is None:
            raise self.CollectError(render_full(errors or checked.findings, checked.sources))
        own = [finding for finding in checked.findings if self._is_own(finding.file)]
        if not is_clean(own):
            yield FindingsItem.from_parent(self, name="findings", findings=own, checked=checked)
        for test in checked.tests:
            if self._is_own(test.location.source.path) and test.message is not None:
                name = _item_name(test.name)
                yield RouteTestItem.from_parent(self, name=name, test=test, compiled=checked.compiled)

    def _is_own(self, file: str) -> bool:
        return file.endswith(self.path.name) and Path(file).resolve() == self.path.resolve()


class RouteTestItem(pytest.Item):
    """One test of a ``*.test.yaml`` file; no handler runs, and no server is needed."""

    def __init__(self, *, test: RouteTest, compiled: Compiled, **facts: Any) -> None:
        super().__init__(**facts)
        self._test = test
        self._compiled = compiled

    def runtest(self) -> None:
        """Run the test; skip one whose message is an entry in Redis."""
        if isinstance(self._test.message, EntryReference):
            pytest.skip("its message is an entry in Redis: run streamroute test --redis")
        (outcome,) = asyncio.run(_outcomes(self._compiled, self._test))
        if not outcome.passed:
            raise RouteTestFailedError("\n".join(failed(outcome)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the report of a test that failed, without a traceback."""
        return _report(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Return the place of the test."""
        location = self._test.location
        return self.path, location.source.span((*location.path, "name")).line - 1, self.name


class FindingsItem(pytest.Item):
    """The findings of a test file, such as an unknown route: it always fails."""

    def __init__(self, *, findings: list[Finding], checked: CheckResult, **facts: Any) -> None:
        super().__init__(**facts)
        self._findings = findings
        self._checked = checked

    def runtest(self) -> None:
        """Fail with the findings."""
        raise RouteTestFailedError(render_full(self._findings, self._checked.sources))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the findings, without a traceback."""
        return _report(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Return the place of the first finding."""
        return self.path, self._findings[0].span.line - 1, self.name


def _item_name(name: str) -> str:
    """Return the name of a test as part of a node id: on one line, without the separator of node ids."""
    return one_line(name).replace("::", ":")


def _checked(config: pytest.Config, root: Path) -> CheckResult:
    """Check a configuration and its test files, once in a session."""
    known = config.stash.setdefault(_CHECKED, {})
    if root not in known:
        known[root] = check_path(root, imports=False, unset="info", tests=True)
    return known[root]


def _shown(path: Path) -> Path:
    """Return the path from the working folder if it is below: the report names files as users do."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _report(excinfo: pytest.ExceptionInfo[BaseException]) -> str | None:
    return str(excinfo.value) if isinstance(excinfo.value, RouteTestFailedError) else None


async def _outcomes(compiled: Compiled, test: RouteTest) -> list[Outcome]:
    return await run_tests(compiled, [test], _no_entry)


async def _no_entry(reference: EntryReference) -> NoReturn:
    raise AssertionError(f"a test that reads the entry {reference.id} is skipped")
