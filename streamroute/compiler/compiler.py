"""From a trusted document to what runs: every check that needs live objects, then the routers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamroute.compiler.resolve.call_signature import CallShape, Misfit, call_shape, check_factory
from streamroute.compiler.resolve.importer import Importer, Resolved
from streamroute.compiler.resolve.payload_annotation import PAYLOAD_ANNOTATION, check_annotation
from streamroute.compiler.resolve.references import UNVERIFIED, is_built_in
from streamroute.compiler.router_builder import CHECK, CheckedRoute, Surroundings, build_routers, said_by
from streamroute.compiler.rules.cluster_slots import check_slots
from streamroute.compiler.rules.dead_letter_target import check_dead_letters
from streamroute.compiler.rules.former_names import check_former_names
from streamroute.compiler.rules.redis_url import check_address
from streamroute.compiler.rules.route_expressions import Messages, RouteExpressions
from streamroute.compiler.rules.route_references import check_routes
from streamroute.compiler.type_patterns import Globs
from streamroute.config.document import Document, RouteConfig, StreamConfig
from streamroute.config.findings.finding import Finding, sort_findings
from streamroute.config.findings.rules import RULES
from streamroute.config.schema.replaced_values import finding_about
from streamroute.config.yaml.source import DataPath, SourceLocation
from streamroute.core.router import RedisRouter
from streamroute.expressions.lint import check_expression
from streamroute.expressions.problem import Problem
from streamroute.expressions.results import check_transform
from streamroute.expressions.syntax.parser import parse
from streamroute.logs.exception_text import error_line
from streamroute.system.forked import EndsCopies

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.compiler.resolve.function_search import FunctionSearch
    from streamroute.compiler.resolve.static_reader import SourceReader
    from streamroute.compiler.validation.data_check import Check
    from streamroute.config.messages.catalog import MessageSchema

_BUILT_IN_CODECS: Final = frozenset({"json", "fields", "typed-fields", "cloudevents"})
_OF_THE_HANDLER: Final = frozenset({UNVERIFIED, PAYLOAD_ANNOTATION})
_CUT_SHORT: Final = 'YAML takes everything from " #" on as a comment, and cuts the expression short'


@dataclass(frozen=True)
class Compiled:
    """What a document compiles to, and everything that was found on the way, sorted by place.

    ``container`` is the user's factory, or None; ``codecs`` holds the user's own, by stream. Nothing may
    run while ``findings`` hold an error.
    """

    document: Document
    findings: tuple[Finding, ...]
    routes: tuple[CheckedRoute, ...] = field(repr=False)
    container: Callable[[], Any] | None = None
    codecs: Mapping[str, Codec] = field(default_factory=dict)
    _known_checks: dict[MessageSchema, Check] = field(default_factory=dict, repr=False)

    @cached_property
    def routers(self) -> dict[str, list[RedisRouter]]:
        """For each stream, one router for each file that has routes of it, in the order of the files.

        Raises SetupError where a handler is not known, since its check found an error or was left out.
        """
        return self.routers_in(Surroundings())

    def routers_in(self, around: Surroundings) -> dict[str, list[RedisRouter]]:
        """The routers for an app that gives its routes what they need. Raises as ``routers`` does."""
        return {
            name: build_routers(
                self._enabled(name), stream, around, self.checks(name), self.codecs.get(name, stream.codec)
            )
            for name, stream in self.document.streams.items()
        }

    @property
    def codec_of_each(self) -> dict[str, Codec | str]:
        """The codec of each stream: the user's own, or the name of ours."""
        return {name: self.codecs.get(name, stream.codec) for name, stream in self.document.streams.items()}

    def names(self, stream: str) -> list[str]:
        """The names of the routes that a stream's messages may take, in order."""
        return [route.config.name for route in self._enabled(stream)]

    def checks(self, stream: str) -> Mapping[str, Check]:
        """For each type that routes of the stream take, the check of its data; none without ``validate``."""
        if not self.document.streams[stream].validate:
            return {}
        types = {name for route in self._enabled(stream) for name in route.config.types}
        schemas = {name: found.schema for name, found in self.document.messages.items() if name in types}
        return {name: self._check(schema) for name, schema in schemas.items() if schema is not None}

    def _check(self, schema: MessageSchema) -> Check:
        from streamroute.compiler.validation.data_check import data_check

        if schema not in self._known_checks:
            self._known_checks[schema] = data_check(schema)
        return self._known_checks[schema]

    def _enabled(self, stream: str) -> Iterator[CheckedRoute]:
        return (route for route in self.routes if route.config.enabled and stream in route.config.streams)


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
        self.shapes: dict[str, CallShape | list[Misfit]] = {}
        self.expressions = RouteExpressions(document, messages)
        self.folder = Path(document.path).parent
        self.reader = None if imports else _source_reader(document)
        self.annotated: dict[tuple[str, int], list[Problem]] = {}
        self.told: set[tuple[str, str]] = set()
        self.search: FunctionSearch | None = None

    def result(self) -> Compiled:
        with EndsCopies():  # of whatever user code is asked for its signature, its annotations ...
            return self._result()

    def _result(self) -> Compiled:
        globs = Globs(self.document.messages)
        self.findings += check_routes(self.document, globs)
        self.findings += check_former_names(self.document)
        self.findings += _check_order(self.document, self.expressions)
        self.findings += check_address(self.document)
        self.findings += check_slots(self.document)
        self.findings += check_dead_letters(self.document)
        routes = [self._route_in_bounds(route, globs) for route in self.document.routes]
        if globs.is_spent:
            self.findings.append(_too_many_patterns(self.document.path))
        container, codecs = self._container(), self._codecs()
        findings = tuple(sort_findings(self.findings))
        return Compiled(self.document, findings, tuple(routes), container, codecs)

    def _route_in_bounds(self, route: RouteConfig, globs: Globs) -> CheckedRoute:
        try:
            return self._route(route, globs)
        except (RecursionError, MemoryError) as error:
            self.findings.append(route.location.finding("SR027", too_large(error)))
            return CheckedRoute(route, None)

    def _route(self, route: RouteConfig, globs: Globs) -> CheckedRoute:
        types = globs.expand(route.types)
        expanded = route if types is route.types else route._replace(types=types)
        self.findings += _check_expression(expanded, "filter", route.filter, self.expressions)
        self.findings += _check_expression(expanded, "transform", route.transform, self.expressions)
        if route.dedupe is not None:
            self.findings += _check_dedupe(expanded, self.expressions)
        return CheckedRoute(expanded, self._shape(expanded))

    def _shape(self, route: RouteConfig) -> CallShape | None:
        if "handler" in route.invalid_keys:
            return None
        if self.reader is not None and not is_built_in(route.handler):
            self.findings += self._read(route, self.reader)
            return None
        resolved = self._resolve(route.handler, route.location, ("handler",))
        if resolved is None or "with" in route.invalid_keys:
            return None
        shape = self._called(resolved.value, route)
        if isinstance(shape, CallShape):
            self.findings += _built_in_findings(shape, route)
            self.findings += self._annotated(shape, route)
            return shape
        self.findings += (_misfit_finding(route, misfit) for misfit in shape)
        return None

    def _read(self, route: RouteConfig, reader: SourceReader) -> Iterator[Finding]:
        """What the source of a handler says; that it says too little is told once for each handler."""
        arguments = None if "with" in route.invalid_keys else route.arguments
        for found in reader.handler(route.handler, arguments):
            misfit = found._replace(problem=self._improved(found.problem, route.handler))
            if misfit.problem.code not in _OF_THE_HANDLER or self._is_new(misfit.problem, route):
                yield _misfit_finding(route, misfit)

    def _annotated(self, shape: CallShape, route: RouteConfig) -> Iterator[Finding]:
        """What a handler takes its payload for; told once for each handler, not for each of its routes."""
        payload = None if route.transform else self.expressions.payload_type(route)
        key = (route.handler, id(payload))
        if key not in self.annotated:
            self.annotated[key] = self.expressions.in_time(
                lambda: list(check_annotation(shape.function, route.handler, payload)), []
            )
            for problem in self.annotated[key]:
                if self._is_new(problem, route):
                    yield _finding(route.location, ("handler",), problem, route.handler)

    def _is_new(self, problem: Problem, route: RouteConfig) -> bool:
        """Whether this was not yet said of the route's handler."""
        said = (route.handler, problem.message)
        if said in self.told:
            return False
        self.told.add(said)
        return True

    @cached_property
    def importer(self) -> Importer:
        """Imports what is named; without ``imports``, built-in handlers alone."""
        return Importer(self.folder, self.document.allow)

    def _called(self, handler: Any, route: RouteConfig) -> CallShape | list[Misfit]:
        """How a handler is called; many routes may share one that takes no arguments of theirs."""
        if route.arguments:
            return call_shape(handler, route.handler, route.arguments)
        if route.handler not in self.shapes:
            self.shapes[route.handler] = call_shape(handler, route.handler, {})
        return self.shapes[route.handler]

    def _resolve(self, reference: str, place: SourceLocation, at: DataPath) -> Resolved | None:
        if self.reader is not None and not is_built_in(reference):
            read = self.reader.read(reference)
            if isinstance(read, Problem) and read.code != UNVERIFIED:
                self.findings.append(_finding(place, at, self._improved(read, reference), reference))
            return None
        found = self.importer.resolve(reference)
        if isinstance(found, Problem):
            self.findings.append(_finding(place, at, self._improved(found, reference), reference))
            return None
        return found

    def _improved(self, problem: Problem, reference: str) -> Problem:
        """The problem with the function of the project that was probably meant."""
        if self.search is None:
            from streamroute.compiler.resolve.function_search import FunctionSearch  # for what leads nowhere

            outside = self.document.reader.folder is None
            self.search = FunctionSearch(self.folder, self.document.allow, outside=outside)
        return self.search.improved(problem, reference)

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
            self.findings.append(_finding(place, at, problem, reference))
            return None
        factory: Callable[[], Any] = resolved.value
        return factory

    def _codecs(self) -> dict[str, Codec]:
        named = (stream for stream in self.document.streams.values() if stream.codec not in _BUILT_IN_CODECS)
        found = ((stream.name, self._codec(stream)) for stream in named)
        return {name: codec for name, codec in found if codec is not None}

    def _codec(self, stream: StreamConfig) -> Codec | None:
        place = self.document.location_of(stream, "codec")
        resolved = self._resolve(stream.codec, place, ("codec",))
        if resolved is None:
            return None
        codec = _codec_object(resolved.value, stream.codec)
        if isinstance(codec, Problem):
            self.findings.append(_finding(place, ("codec",), codec, stream.codec))
            return None
        return codec


def _too_many_patterns(path: str) -> Finding:
    message = "the patterns under type: take more to match with the catalogue than a check has"
    help_text = "write fewer patterns, or list the types; the routes are checked only in part"
    return Finding("SR027", RULES["SR027"].severity, message, path, help=help_text)


def _check_order(document: Document, expressions: RouteExpressions) -> Iterable[Finding]:
    """What is wrong with the order of streams; most have none, and do not pay for its check."""
    if "order_by" not in document.sources[0].text and not any(
        stream.order_by for stream in document.streams.values()
    ):
        return ()
    from streamroute.compiler.rules.ordering import check_order

    return check_order(document, expressions)


def _check_dedupe(route: RouteConfig, expressions: RouteExpressions) -> Iterable[Finding]:
    from streamroute.compiler.rules.dedupe_key import check_dedupe

    return check_dedupe(route, expressions)


def _source_reader(document: Document) -> SourceReader:
    from streamroute.compiler.resolve.static_reader import SourceReader  # a check that imports does without

    return SourceReader(Path(document.path).parent, document.allow, outside=document.reader.folder is None)


def _codec_object(named: Any, reference: str) -> Codec | Problem:
    """The codec itself, or the instance of the class that was named."""
    try:
        with EndsCopies():
            codec: Codec = named() if isinstance(named, type) else named
            missing = [name for name in ("decode", "encode") if not callable(getattr(codec, name, None))]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - an object of the user's may raise anything; it is reported
        return Problem("SR403", f'making a "{reference}" raised {error_line(error)}')
    if missing:
        return Problem("SR403", f'"{reference}" is no codec: it has no {" and no ".join(missing)}')
    return codec


def _check_expression(
    route: RouteConfig, key: str, expression: str | None, expressions: RouteExpressions
) -> Iterator[Finding]:
    if expression is None:
        return
    at: DataPath = (key,)
    problems = expressions.check(expression, route, condition=key == "filter")
    if key == "transform" and not problems:
        problems = [found for found in [check_transform(parse(expression))] if found is not None]
    for problem in problems:
        if problem.code == "SR301" and _is_cut_short(route, at, expression):
            help_text = "quote it, or write it under >-"
            yield route.location.finding("SR303", _CUT_SHORT, at=at, help=help_text)
        else:
            yield _finding(route.location, at, problem, expression)


def _is_cut_short(route: RouteConfig, at: DataPath, expression: str) -> bool:
    """Whether the expression is one only together with what YAML took for a comment."""
    comment = route.location.comment_after(at)
    return comment is not None and not check_expression(f"{expression} {comment}")


def _finding(place: SourceLocation, at: DataPath, problem: Problem, text: str) -> Finding:
    within = (problem.start, len(text) if problem.end is None else problem.end)
    return finding_about(
        place, at, problem.code, problem.message, text, within=within, help=problem.help,
        suggestion=problem.suggestion,
    )  # fmt: skip


def _misfit_finding(route: RouteConfig, misfit: Misfit) -> Finding:
    problem = misfit.problem
    if misfit.key is None:
        return _finding(route.location, ("handler",), problem, route.handler)
    return route.location.finding(
        problem.code, problem.message, at=("with", misfit.key), on="key", help=problem.help,
        suggestion=problem.suggestion,
    )  # fmt: skip


def _built_in_findings(shape: CallShape, route: RouteConfig) -> Iterator[Finding]:
    """What a built-in handler has against its arguments."""
    check = said_by(shape.function, CHECK)
    complaints = check(route.arguments, route.streams) if check is not None else ()
    for key, message, advice in complaints:
        at: DataPath = ("handler",) if key is None else ("with", key)
        yield route.location.finding("SR404", message, at=at, help=advice)


def too_large(error: BaseException) -> str:
    """What is said of a part that the interpreter itself gave up on."""
    what = "stack" if isinstance(error, RecursionError) else "memory"
    return f"this takes more {what} to check than there is"


def all_findings(*parts: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of several steps, sorted by place."""
    return tuple(sort_findings(finding for part in parts for finding in part))
