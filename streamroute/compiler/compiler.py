"""Compile a loaded document: run every check that needs live objects, and prepare the routers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from streamroute.compiler.checked_route import CheckedRoute
from streamroute.compiler.compiled import Compiled
from streamroute.compiler.reference_resolver import ReferenceResolver
from streamroute.compiler.rules.checked_expression import CheckedExpression
from streamroute.compiler.rules.context import RuleContext
from streamroute.compiler.rules.expressions.check import (
    check_canary_key,
    check_dedupe_key,
    check_filter,
    check_order_by,
    check_transform_of,
)
from streamroute.compiler.rules.expressions.route_expressions import Messages, RouteExpressions
from streamroute.compiler.rules.registry import run_checks
from streamroute.compiler.type_patterns import TypePatterns
from streamroute.config.document import Document, RouteConfig
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.rules import RULES, Stage
from streamroute.system.forked import ExitForkedChild

if TYPE_CHECKING:
    pass


def compile_document(document: Document, *, imports: bool = True, messages: Messages = tuple) -> Compiled:
    """Check everything that a document references, and prepare it to run.

    Without ``imports`` no user code runs: handlers are checked by their source and not resolved, and there
    are no routers. ``messages`` returns the messages of the route tests, as evidence of which fields exist;
    it is called only if a finding depends on it.
    """
    return _Compilation(document, imports=imports, messages=messages).result()


class _Compilation:
    """One pass over a document, collecting findings."""

    def __init__(self, document: Document, *, imports: bool, messages: Messages) -> None:
        self.document = document
        self.findings: list[Finding] = []
        self.expressions = RouteExpressions(document, messages)
        self.keys: list[CheckedExpression] = []
        self.references = ReferenceResolver(document, self.expressions, imports=imports)

    def result(self) -> Compiled:
        with ExitForkedChild():  # user code may fork while it is imported or inspected
            return self._result()

    def _result(self) -> Compiled:
        context = RuleContext(self.document, TypePatterns(self.document.messages))
        self.findings += run_checks(Stage.ROUTES, context)
        self.findings += run_checks(Stage.ENVIRONMENT, context)
        routes = [self._route_in_bounds(route, context.patterns) for route in self.document.routes]
        self._add_keys(check_order_by(self.document, self.expressions))
        self.findings += run_checks(Stage.EXPRESSIONS, context._replace(expressions=self.keys))
        if context.patterns.is_exhausted:
            self.findings.append(_too_many_patterns(self.document.path))
        container, codecs = self.references.container(), self.references.codecs()
        findings = (*self.findings, *self.references.findings)
        return Compiled(self.document, findings, tuple(routes), container, codecs)

    def _route_in_bounds(self, route: RouteConfig, patterns: TypePatterns) -> CheckedRoute:
        try:
            return self._route(route, patterns)
        except (RecursionError, MemoryError) as error:
            self.findings.append(route.location.finding("SR027", too_large(error)))
            return CheckedRoute(route, None)

    def _route(self, route: RouteConfig, patterns: TypePatterns) -> CheckedRoute:
        types = patterns.expand(route.types)
        expanded = route if types is route.types else route._replace(types=types)
        for check in (check_filter, check_transform_of):
            for checked in check(expanded, self.expressions):
                self.findings += checked.findings()
        self._add_keys(check_dedupe_key(expanded, self.expressions))
        self._add_keys(check_canary_key(expanded, self.expressions))
        return CheckedRoute(expanded, self.references.handler(expanded))

    def _add_keys(self, keys: Iterable[CheckedExpression]) -> None:
        for checked in keys:
            self.keys.append(checked)
            self.findings += checked.findings()


def _too_many_patterns(path: str) -> Finding:
    message = "matching the type patterns against the declared message types takes too many steps"
    help_text = "write fewer patterns, or list the types; some routes were not checked"
    return Finding("SR027", RULES["SR027"].severity, message, path, help=help_text)


def too_large(error: BaseException) -> str:
    """The message about a document part that exceeded Python's recursion limit or memory."""
    resource = "stack" if isinstance(error, RecursionError) else "memory"
    return f"not enough {resource} to check this"
