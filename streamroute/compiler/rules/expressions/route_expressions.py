"""Check the expressions of a route against the declared schemas of its messages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any, Final, TypeVar

from streamroute.config.document import Document, RouteConfig
from streamroute.expressions.lint import check_expression
from streamroute.expressions.problem import ExpressionError, Problem, Spans
from streamroute.expressions.static_checks import SHORT
from streamroute.expressions.syntax.parser import MAX_LENGTH, Tree, parse
from streamroute.expressions.types.algebra.from_json_schema import from_schema
from streamroute.expressions.types.algebra.json_types import Type
from streamroute.expressions.types.algebra.payload_type import payload_type
from streamroute.expressions.types.algebra.step_budget import StepBudget, TooManyStepsError
from streamroute.expressions.types.check import check_types, with_final_advice
from streamroute.expressions.types.clean_skeletons import CleanSkeletons, literals_in, skeleton_of
from streamroute.expressions.types.mistakes.evidence import Evidence, EvidenceSource
from streamroute.expressions.types.mistakes.likely_mistakes import PayloadTraits

_Result = TypeVar("_Result")
Messages = Callable[[], Iterable[Mapping[str, Any]]]

_MAX_WITH_ADVICE: Final = 100
"""The number of wrong expressions up to which suggestions are checked, too; beyond that it takes too long."""

UNCHECKED: Final = "SR319"
_UNCHECKED: Final = "the expression is not checked against the message schema: it would take too many steps"

_ATTRIBUTES: Final[dict[str, dict[str, bool]]] = {
    "json": {},
    "cloudevents": {
        **dict.fromkeys(("id", "source", "specversion"), True),
        **dict.fromkeys(("time", "subject", "datacontenttype", "dataschema"), False),
    },
}
"""Codecs whose payload is the data that a schema describes, plus strings from the envelope: the envelope's
names, and whether each is in every envelope (CloudEvents 1.0, "Context Attributes")."""


def _attributes(codecs: Collection[str]) -> dict[str, bool]:
    """The envelope names of these codecs, and whether each is in every envelope of all of them."""
    named = [_ATTRIBUTES[codec] for codec in codecs]
    return {name: all(each.get(name) for each in named) for each in named for name in each}


_WITH_ENVELOPE: Final = frozenset({"json", "cloudevents", "fields"})
_WITH_TYPES: Final = frozenset({"json", "cloudevents", "typed-fields"})


def traits_of(codecs: Iterable[str]) -> PayloadTraits:
    """The likely properties of messages with these codecs."""
    codecs = frozenset(codecs)
    return PayloadTraits(_WITH_ENVELOPE.issuperset(codecs), _WITH_TYPES.issuperset(codecs))


def _evidence(document: Document, messages: Iterable[Mapping[str, Any]]) -> Evidence:
    """Collect the evidence in the configuration's expressions, route tests and schemas."""
    schemas = (message.schema.root for message in document.messages.values() if message.schema is not None)
    return Evidence(_trees(document), messages, schemas)


def _trees(document: Document) -> Iterator[Tree]:
    """Parse each valid expression of the document once."""
    expressions_written = [stream.order_by for stream in document.streams.values()]
    for route in document.routes:
        expressions_written += [
            route.filter,
            route.transform,
            None if route.dedupe is None else route.dedupe.key,
            None if route.canary is None else route.canary.key,
        ]
    for expression in dict.fromkeys(expressions_written):
        try:
            tree = None if expression is None else parse(expression)
        except ExpressionError:
            continue  # reported elsewhere
        if tree is not None:
            yield tree


class _Payload:
    """What is known about the payloads of some routes; ``literals`` are those in their schemas."""

    def __init__(
        self,
        traits: PayloadTraits,
        known: Type | None = None,
        *,
        validated: bool = False,
        literals: frozenset[str] = frozenset(),
    ) -> None:
        self.traits = traits
        self.type = known
        self.validated = validated
        self.literals = literals
        self.clean_shapes = {True: CleanSkeletons(), False: CleanSkeletons()}


def _shape_of(expression: str, payload: _Payload) -> str | None:
    """The expression's skeleton, and about its length, on which the checks of its cost depend."""
    if len(expression) > MAX_LENGTH:
        return None
    skeleton = skeleton_of(expression, payload.literals)
    return None if skeleton is None else f"{len(expression) // SHORT} {skeleton}"


class RouteExpressions:
    """Checks the expressions of a document's routes; the type of a schema is computed once."""

    def __init__(self, document: Document, messages: Messages = tuple) -> None:
        """``messages`` returns those of the route tests; it is called only if needed."""
        self._document = document
        self._failed_count = 0
        self.get_evidence: EvidenceSource = cache(lambda: _evidence(document, messages()))
        self._unknown: dict[PayloadTraits, _Payload] = {}
        self._steps = StepBudget()
        self._payloads: dict[tuple[tuple[str, ...], bool, frozenset[str]], _Payload] = {}
        self._data: dict[str, Type | None] = {}

    def check(self, expression: str, route: RouteConfig, *, condition: bool) -> list[Problem]:
        """Return the problems of an expression of a route with expanded type patterns.

        A ``condition`` is used for its truth, as a filter is; a transform is not.
        """
        payload = self._payload(route)
        shape = _shape_of(expression, payload)
        if shape is not None and payload.clean_shapes[condition].is_clean(shape):
            return []
        problems = check_expression(expression)
        if any(problem.fatal for problem in problems):
            return problems  # an expression with fatal problems has no type
        typed = self._typed(expression, payload, condition=condition)
        if shape is not None and not problems and not typed:
            payload.clean_shapes[condition].add(shape)
        reported = Spans(problems)
        others = [each for each in typed if not reported.overlap(each)]
        if problems and self._gives_advice():
            check = partial(self._typed, payload=payload, condition=condition)
            problems = with_final_advice(problems, parse(expression), lambda tree: check(tree.expression))
        self._failed_count += bool(problems or others)
        return problems + others

    def _gives_advice(self) -> bool:
        """Whether suggestions are checked, too: only while few expressions are wrong."""
        return self._failed_count < _MAX_WITH_ADVICE

    def _typed(self, expression: str, payload: _Payload, *, condition: bool) -> list[Problem]:
        """The type problems of an expression, or UNCHECKED if the check takes too many steps."""
        tree = parse(expression)
        return self.within_budget(
            lambda: check_types(
                tree,
                payload.type,
                validated=payload.validated,
                condition=condition,
                traits=payload.traits,
                get_evidence=self.get_evidence,
                final_advice=self._gives_advice(),
            ),
            [Problem(UNCHECKED, _UNCHECKED)],
        )

    def within_budget(self, work: Callable[[], _Result], otherwise: _Result) -> _Result:
        """Return the result of ``work``, or ``otherwise`` if it takes too many steps."""
        try:
            with self._steps.limited():
                return work()
        except (TooManyStepsError, RecursionError):
            return otherwise

    def payload_type(self, route: RouteConfig) -> Type | None:
        """The payload type of a route with expanded type patterns; None if unknown."""
        return self._payload(route).type

    def _payload(self, route: RouteConfig) -> _Payload:
        """What is known about a route's payloads; nothing if a stream's codec is not in ``_ATTRIBUTES``."""
        streams = [self._document.streams[name] for name in route.streams if name in self._document.streams]
        codecs = frozenset(stream.codec for stream in streams)
        if not self._document.messages or not codecs <= _ATTRIBUTES.keys():
            return self._nothing_known(codecs)
        key = (route.types, all(stream.validate for stream in streams), codecs)
        if key not in self._payloads:
            self._payloads[key] = self.within_budget(
                lambda: self._payload_for(*key), self._nothing_known(codecs)
            )
        return self._payloads[key]

    def _nothing_known(self, codecs: Collection[str]) -> _Payload:
        traits = traits_of(codecs)
        if traits not in self._unknown:
            self._unknown[traits] = _Payload(traits)
        return self._unknown[traits]

    def _payload_for(self, types: tuple[str, ...], validated: bool, codecs: frozenset[str]) -> _Payload:
        data = {name: self._data_of(name) for name in types}
        if not any(t is not None for t in data.values()):
            return self._nothing_known(codecs)
        schemas = [self._schema_of(name) for name in types]
        literals = frozenset(literals_in([*types, *schemas]))
        known = payload_type(data, _attributes(codecs))
        return _Payload(traits_of(codecs), known, validated=validated, literals=literals)

    def _data_of(self, name: str) -> Type | None:
        if name not in self._data:
            schema = self._schema_of(name)
            self._data[name] = None if schema is None else from_schema(schema)
        return self._data[name]

    def _schema_of(self, name: str) -> Any:
        message = self._document.messages.get(name)
        return None if message is None or message.schema is None else message.schema.root
