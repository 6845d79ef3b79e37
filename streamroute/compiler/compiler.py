"""From a trusted document to what runs: every check that needs live objects, then the routers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamroute.compiler.checked_route import CheckedRoute
from streamroute.compiler.compiled import Compiled
from streamroute.compiler.resolve.call_signature import (
    HandlerCall,
    SignatureProblem,
    check_factory,
    handler_call,
)
from streamroute.compiler.resolve.codec_object import codec_object
from streamroute.compiler.resolve.importer import Importer, Resolved
from streamroute.compiler.resolve.payload_annotation import PAYLOAD_ANNOTATION, check_annotation
from streamroute.compiler.resolve.references import UNVERIFIED, is_built_in
from streamroute.compiler.router_builder import CHECK, builtin_attr
from streamroute.compiler.rules.checked_expression import CheckedExpression
from streamroute.compiler.rules.context import RuleContext
from streamroute.compiler.rules.expressions.check import (
    check_dedupe_key,
    check_filter,
    check_order_by,
    check_transform_of,
)
from streamroute.compiler.rules.expressions.route_expressions import Messages, RouteExpressions
from streamroute.compiler.rules.problem_finding import problem_finding
from streamroute.compiler.rules.registry import run_checks
from streamroute.compiler.type_patterns import TypePatterns
from streamroute.config.document import Document, RouteConfig, StreamConfig
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.rules import RULES, Stage
from streamroute.config.yaml.source import DataPath, SourceLocation
from streamroute.expressions.problem import Problem
from streamroute.system.forked import ExitForkedChild

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.compiler.resolve.function_search import FunctionSearch
    from streamroute.compiler.resolve.static_reader import StaticReader

_ONCE_PER_HANDLER: Final = frozenset({UNVERIFIED, PAYLOAD_ANNOTATION})


def compile_document(document: Document, *, imports: bool = True, messages: Messages = tuple) -> Compiled:
    """Check everything that a document names, and make it ready to run.

    Without ``imports`` no code of the user's runs: handlers are checked by their source and stay unknown,
    and there are no routers. ``messages`` gives those of the tests beside the files, which show what fields
    there are; it is asked for them where that decides about a finding.
    """
    return _Compilation(document, imports=imports, messages=messages).result()


class _Compilation:
    """One pass over a document, collecting findings."""

    def __init__(self, document: Document, *, imports: bool, messages: Messages) -> None:
        self.document = document
        self.findings: list[Finding] = []
        self.calls: dict[str, HandlerCall | list[SignatureProblem]] = {}
        self.expressions = RouteExpressions(document, messages)
        self.folder = Path(document.path).parent
        self.reader = None if imports else _static_reader(document)
        self.annotation_problems: dict[tuple[str, int], list[Problem]] = {}
        self.keys: list[CheckedExpression] = []
        self.reported: set[tuple[str, str]] = set()
        self.search: FunctionSearch | None = None

    def result(self) -> Compiled:
        with ExitForkedChild():  # of whatever user code is asked for its signature, its annotations ...
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
        container, codecs = self._container(), self._codecs()
        return Compiled(self.document, tuple(self.findings), tuple(routes), container, codecs)

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
            for found in check(expanded, self.expressions):
                self.findings += found.findings()
        self._add_keys(check_dedupe_key(expanded, self.expressions))
        return CheckedRoute(expanded, self._handler_call(expanded))

    def _add_keys(self, keys: Iterable[CheckedExpression]) -> None:
        for found in keys:
            self.keys.append(found)
            self.findings += found.findings()

    def _handler_call(self, route: RouteConfig) -> HandlerCall | None:
        if "handler" in route.invalid_keys:
            return None
        if self.reader is not None and not is_built_in(route.handler):
            self.findings += self._static_findings(route, self.reader)
            return None
        resolved = self._resolve(route.handler, route.location, ("handler",))
        if resolved is None or "with" in route.invalid_keys:
            return None
        call = self._handler_call_of(resolved.value, route)
        if isinstance(call, HandlerCall):
            self.findings += _argument_findings(call, route)
            self.findings += self._annotation_findings(call, route)
            return call
        self.findings += (_signature_finding(route, problem) for problem in call)
        return None

    def _static_findings(self, route: RouteConfig, reader: StaticReader) -> Iterator[Finding]:
        """What the source of a handler says; that it says too little is reported once for each handler."""
        arguments = None if "with" in route.invalid_keys else route.arguments
        for found in reader.handler(route.handler, arguments):
            problem = found._replace(problem=self._with_suggestion(found.problem, route.handler))
            if problem.problem.code not in _ONCE_PER_HANDLER or self._is_new(problem.problem, route):
                yield _signature_finding(route, problem)

    def _annotation_findings(self, call: HandlerCall, route: RouteConfig) -> Iterator[Finding]:
        """Problems of a handler's payload annotation; reported once per handler, not per route."""
        payload = None if route.transform else self.expressions.payload_type(route)
        key = (route.handler, id(payload))
        if key not in self.annotation_problems:
            self.annotation_problems[key] = self.expressions.within_budget(
                lambda: list(check_annotation(call.function, route.handler, payload)), []
            )
            for problem in self.annotation_problems[key]:
                if self._is_new(problem, route):
                    yield problem_finding(route.location, ("handler",), problem, route.handler)

    def _is_new(self, problem: Problem, route: RouteConfig) -> bool:
        """Whether this was not yet key of the route's handler."""
        key = (route.handler, problem.message)
        if key in self.reported:
            return False
        self.reported.add(key)
        return True

    @cached_property
    def importer(self) -> Importer:
        """Imports what is named; without ``imports``, built-in handlers alone."""
        return Importer(self.folder, self.document.allow)

    def _handler_call_of(self, handler: Any, route: RouteConfig) -> HandlerCall | list[SignatureProblem]:
        """How a handler is called; many routes may share one that takes no arguments of theirs."""
        if route.arguments:
            return handler_call(handler, route.handler, route.arguments)
        if route.handler not in self.calls:
            self.calls[route.handler] = handler_call(handler, route.handler, {})
        return self.calls[route.handler]

    def _resolve(self, reference: str, place: SourceLocation, at: DataPath) -> Resolved | None:
        if self.reader is not None and not is_built_in(reference):
            read = self.reader.read(reference)
            if isinstance(read, Problem) and read.code != UNVERIFIED:
                self.findings.append(
                    problem_finding(place, at, self._with_suggestion(read, reference), reference)
                )
            return None
        found = self.importer.resolve(reference)
        if isinstance(found, Problem):
            self.findings.append(
                problem_finding(place, at, self._with_suggestion(found, reference), reference)
            )
            return None
        return found

    def _with_suggestion(self, problem: Problem, reference: str) -> Problem:
        """The problem with the function of the project that was probably meant."""
        if self.search is None:
            from streamroute.compiler.resolve.function_search import FunctionSearch  # for what leads nowhere

            outside = self.document.reader.folder is None
            self.search = FunctionSearch(self.folder, self.document.allow, outside=outside)
        return self.search.with_suggestion(problem, reference)

    def _container(self) -> Callable[[], Any] | None:
        reference = self.document.container
        if reference is None:
            return None
        place, at = self.document.location, ("container",)
        resolved = self._resolve(reference, place, at)
        if resolved is None:
            return None
        problem = check_factory(resolved.value, reference)
        if problem is not None:
            self.findings.append(problem_finding(place, at, problem, reference))
            return None
        factory: Callable[[], Any] = resolved.value
        return factory

    def _codecs(self) -> dict[str, Codec]:
        named = (stream for stream in self.document.streams.values() if _is_dotted_path(stream.codec))
        found = ((stream.name, self._codec(stream)) for stream in named)
        return {name: codec for name, codec in found if codec is not None}

    def _codec(self, stream: StreamConfig) -> Codec | None:
        place = self.document.location_of(stream, "codec")
        resolved = self._resolve(stream.codec, place, ("codec",))
        if resolved is None:
            return None
        codec = codec_object(resolved.value, stream.codec)
        if isinstance(codec, Problem):
            self.findings.append(problem_finding(place, ("codec",), codec, stream.codec))
            return None
        return codec


def _too_many_patterns(path: str) -> Finding:
    message = "the patterns under type: take more to match with the catalogue than a check has"
    help_text = "write fewer patterns, or list the types; the routes are checked only in part"
    return Finding("SR027", RULES["SR027"].severity, message, path, help=help_text)


def _static_reader(document: Document) -> StaticReader:
    from streamroute.compiler.resolve.static_reader import StaticReader  # a check that imports does without

    return StaticReader(Path(document.path).parent, document.allow, outside=document.reader.folder is None)


def _signature_finding(route: RouteConfig, found: SignatureProblem) -> Finding:
    problem = found.problem
    if found.key is None:
        return problem_finding(route.location, ("handler",), problem, route.handler)
    return route.location.finding(
        problem.code, problem.message, at=("with", found.key), on="key", help=problem.help,
        suggestion=problem.suggestion,
    )  # fmt: skip


def _is_dotted_path(codec: str) -> bool:
    """Whether a codec is the user's own: the names of built-in codecs have neither dot nor colon."""
    return "." in codec or ":" in codec


def _argument_findings(call: HandlerCall, route: RouteConfig) -> Iterator[Finding]:
    """What a built-in handler has against its arguments."""
    check = builtin_attr(call.function, CHECK)
    problems = check(route.arguments, route.streams) if check is not None else ()
    for key, message, advice in problems:
        at: DataPath = ("handler",) if key is None else ("with", key)
        yield route.location.finding("SR404", message, at=at, help=advice)


def too_large(error: BaseException) -> str:
    """What is key of a part that the interpreter itself gave up on."""
    what = "stack" if isinstance(error, RecursionError) else "memory"
    return f"this takes more {what} to check than there is"
