"""Resolve the dotted paths of a document: handlers, the container's factory, codecs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamroute.compiler.resolve.call_signature import (
    HandlerCall,
    SignatureProblem,
    check_factory,
    handler_call,
)
from streamroute.compiler.resolve.codec_object import codec_object
from streamroute.compiler.resolve.importer import Importer, Resolved
from streamroute.compiler.resolve.payload_annotation import check_annotation
from streamroute.compiler.resolve.references import is_built_in
from streamroute.compiler.router_builder import CHECK, builtin_attr
from streamroute.compiler.rules.expressions.route_expressions import RouteExpressions
from streamroute.compiler.rules.problem_finding import problem_finding
from streamroute.config.document import Document, RouteConfig, StreamConfig
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.rules import RULES
from streamroute.config.yaml.source import DataPath, SourceLocation
from streamroute.expressions.problem import Problem

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.compiler.resolve.function_search import FunctionSearch
    from streamroute.compiler.resolve.static_reader import StaticReader


class ReferenceResolver:
    """Resolves the dotted paths of one document, and collects findings about them.

    Without ``imports`` no user code runs: handlers are looked up in their source, and not resolved.
    """

    def __init__(self, document: Document, expressions: RouteExpressions, *, imports: bool) -> None:
        self.findings: list[Finding] = []
        self._document = document
        self._expressions = expressions
        self._folder = Path(document.path).parent
        self._reader = None if imports else _static_reader(document)
        self._calls: dict[str, HandlerCall | list[SignatureProblem]] = {}
        self._annotation_problems: dict[tuple[str, int], list[Problem]] = {}
        self._reported: set[tuple[str, str]] = set()
        self._search: FunctionSearch | None = None

    def handler(self, route: RouteConfig) -> HandlerCall | None:
        """Resolve the handler of a route; None if it cannot be resolved."""
        if "handler" in route.invalid_keys:
            return None
        if self._reader is not None and not is_built_in(route.handler):
            self.findings += self._static_findings(route, self._reader)
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

    def container(self) -> Callable[[], Any] | None:
        """Resolve the user's container factory, if there is one."""
        reference = self._document.container
        if reference is None:
            return None
        location, at = self._document.location, ("container",)
        resolved = self._resolve(reference, location, at)
        if resolved is None:
            return None
        problem = check_factory(resolved.value, reference)
        if problem is not None:
            self.findings.append(problem_finding(location, at, problem, reference))
            return None
        factory: Callable[[], Any] = resolved.value
        return factory

    def codecs(self) -> dict[str, Codec]:
        """Resolve the user's own codecs, by stream."""
        named = (stream for stream in self._document.streams.values() if _is_dotted_path(stream.codec))
        found = ((stream.name, self._codec(stream)) for stream in named)
        return {name: codec for name, codec in found if codec is not None}

    def _static_findings(self, route: RouteConfig, reader: StaticReader) -> Iterator[Finding]:
        """Problems in the source of a handler; a problem with ``once``, once per handler."""
        arguments = None if "with" in route.invalid_keys else route.arguments
        for problem in reader.handler(route.handler, arguments):
            suggested = problem._replace(problem=self._with_suggestion(problem.problem, route.handler))
            if not suggested.problem.once or self._is_new(suggested.problem, route):
                yield _signature_finding(route, suggested)

    def _annotation_findings(self, call: HandlerCall, route: RouteConfig) -> Iterator[Finding]:
        """Problems of a handler's payload annotation; reported once per handler, not per route."""
        payload = None if route.transform else self._expressions.payload_type(route)
        key = (route.handler, id(payload))
        if key not in self._annotation_problems:
            self._annotation_problems[key] = self._expressions.within_budget(
                lambda: list(check_annotation(call.function, route.handler, payload)), []
            )
            for problem in self._annotation_problems[key]:
                if self._is_new(problem, route):
                    yield problem_finding(route.location, ("handler",), problem, route.handler)

    def _is_new(self, problem: Problem, route: RouteConfig) -> bool:
        """Whether this problem was not yet reported for the route's handler."""
        key = (route.handler, problem.message)
        if key in self._reported:
            return False
        self._reported.add(key)
        return True

    @cached_property
    def _importer(self) -> Importer:
        """The importer; without ``imports`` it imports only built-in handlers."""
        return Importer(self._folder, self._document.allow)

    def _handler_call_of(self, handler: Any, route: RouteConfig) -> HandlerCall | list[SignatureProblem]:
        """The call of a handler; routes without arguments share the result."""
        if route.arguments:
            return handler_call(handler, route.handler, route.arguments)
        if route.handler not in self._calls:
            self._calls[route.handler] = handler_call(handler, route.handler, {})
        return self._calls[route.handler]

    def _resolve(self, reference: str, location: SourceLocation, at: DataPath) -> Resolved | None:
        if self._reader is not None and not is_built_in(reference):
            read = self._reader.read(reference)
            if isinstance(read, Problem) and not RULES[read.code].is_unverified:
                self.findings.append(
                    problem_finding(location, at, self._with_suggestion(read, reference), reference)
                )
            return None
        resolved = self._importer.resolve(reference)
        if isinstance(resolved, Problem):
            self.findings.append(
                problem_finding(location, at, self._with_suggestion(resolved, reference), reference)
            )
            return None
        return resolved

    def _with_suggestion(self, problem: Problem, reference: str) -> Problem:
        """Suggest the function of the project that was probably meant."""
        if self._search is None:
            from streamroute.compiler.resolve.function_search import FunctionSearch  # only for bad paths

            outside = self._document.reader.folder is None
            self._search = FunctionSearch(self._folder, self._document.allow, outside=outside)
        return self._search.with_suggestion(problem, reference)

    def _codec(self, stream: StreamConfig) -> Codec | None:
        location = self._document.location_of(stream, "codec")
        resolved = self._resolve(stream.codec, location, ("codec",))
        if resolved is None:
            return None
        codec = codec_object(resolved.value, stream.codec)
        if isinstance(codec, Problem):
            self.findings.append(problem_finding(location, ("codec",), codec, stream.codec))
            return None
        return codec


def _static_reader(document: Document) -> StaticReader:
    from streamroute.compiler.resolve.static_reader import StaticReader  # only needed without imports

    return StaticReader(Path(document.path).parent, document.allow, outside=document.reader.folder is None)


def _signature_finding(route: RouteConfig, signature_problem: SignatureProblem) -> Finding:
    problem = signature_problem.problem
    if signature_problem.key is None:
        return problem_finding(route.location, ("handler",), problem, route.handler)
    return problem_finding(route.location, ("with", signature_problem.key), problem)


def _is_dotted_path(codec: str) -> bool:
    """Whether a codec is the user's own; the names of built-in codecs have neither a dot nor a colon."""
    return "." in codec or ":" in codec


def _argument_findings(call: HandlerCall, route: RouteConfig) -> Iterator[Finding]:
    """Problems that a built-in handler reports about its arguments."""
    check = builtin_attr(call.function, CHECK)
    problems = check(route.arguments, route.streams) if check is not None else ()
    for key, message, advice in problems:
        at: DataPath = ("handler",) if key is None else ("with", key)
        yield route.location.finding("SR404", message, at=at, help=advice)
