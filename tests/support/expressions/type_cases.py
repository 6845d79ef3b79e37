"""Random JSON Schemas with valid documents, and a checker's claims about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from hypothesis import strategies as st
from jmespath.visitor import _Expression

from expression_cases import NAMES, documents
from streamroute.expressions.evaluate.interpreter import Interpreter
from streamroute.expressions.syntax.parser import Node, Tree, walk
from streamroute.expressions.types.algebra.json_types import Shape, Type
from streamroute.expressions.types.inference import Inference
from streamroute.expressions.types.problem_report import ProblemReport
from streamroute.expressions.types.scope import Scope

_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
_VALUES = st.sampled_from([None, True, False, 0, 1, 1.0, 2.5, "", "a", "gold", "10", [], [1], {}, {"a": 1}])

_OF_KIND: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "integer": st.integers(-1, 2),
    "number": st.sampled_from([0, 1, 1.0, 2.5]),
    "string": st.sampled_from(["a", "gold", "10", ""]),
    "array": st.lists(documents, max_size=3),
    "object": st.dictionaries(st.sampled_from(NAMES), documents, max_size=3),
}

_names = st.sampled_from(NAMES)
_plain = st.one_of(
    st.sampled_from(_TYPES).map(lambda name: {"type": name}),
    st.lists(st.sampled_from(_TYPES), min_size=1, max_size=3, unique=True).map(lambda names: {"type": names}),
    st.lists(_VALUES, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    _VALUES.map(lambda value: {"const": value}),
    st.sampled_from([{"type": "string", "minLength": 1}, True, {}]),
)
_references = st.sampled_from(
    [{"$ref": "#/$defs/one"}, {"$ref": "#"}, {"$ref": "#/$defs/two", "type": "string"}]
)
"""Only for nested values, so that no schema refers to itself endlessly."""


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    below = st.one_of(inner, inner, inner, _references)
    objects = st.fixed_dictionaries(
        {"properties": st.dictionaries(_names, below, max_size=4)},
        optional={
            "type": st.sampled_from(["object", "object", ["object", "null"]]),
            "required": st.lists(_names, max_size=3, unique=True),
            "additionalProperties": st.just(False) | inner,
            "patternProperties": st.just({"^t": {"type": "string"}}),
        },
    )
    arrays = st.fixed_dictionaries(
        {"items": below}, optional={"type": st.just("array"), "minItems": st.integers(0, 2)}
    )
    tuples = st.fixed_dictionaries({"prefixItems": st.lists(inner, min_size=1, max_size=2), "items": inner})
    branches = st.lists(inner, min_size=1, max_size=3)
    combined = st.tuples(st.sampled_from(["anyOf", "oneOf", "allOf"]), branches).map(
        lambda pair: {pair[0]: pair[1]}
    )
    siblings = st.tuples(objects, combined).map(lambda pair: {**pair[0], **pair[1]})
    ignored = st.tuples(objects, inner).map(
        lambda pair: {**pair[0], "if": pair[1], "then": {"required": ["a"]}}
    )
    negated = inner.map(lambda schema: {"not": schema})
    return st.one_of(objects, objects, objects, arrays, tuples, combined, siblings, ignored, negated)


_schemas = st.recursive(_plain, _grown, max_leaves=8)


@st.composite
def rooted_schemas(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a schema with definitions that may refer to one another and to the root."""
    schema: dict[str, Any] = draw(_grown(_schemas))
    if draw(st.integers(0, 3)):  # as most message schemas start
        schema = {**schema, "type": "object"}
        schema.setdefault("properties", draw(st.dictionaries(_names, _schemas | _references, max_size=4)))
    schema["$defs"] = {"one": draw(_schemas), "two": draw(_plain)}
    if draw(st.booleans()):
        schema["$schema"] = draw(
            st.sampled_from(
                ["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#"]
            )
        )
    return schema


def is_valid(schema: dict[str, Any], document: Any) -> bool:
    """Whether jsonschema accepts the document."""
    validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    return bool(validator(schema).is_valid(document))


@st.composite
def documents_of(draw: st.DrawFn, root: dict[str, Any]) -> list[Any]:
    """Draw a few documents that are valid under the schema."""
    return [document for _ in range(4) if is_valid(root, document := _drawn(draw, root, root, 6))]


def _drawn(draw: st.DrawFn, root: dict[str, Any], schema: Any, depth: int) -> Any:  # noqa: PLR0911 - a word each
    if not isinstance(schema, dict) or depth == 0:
        return draw(documents)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _drawn(draw, root, root if name == "#" else root["$defs"][name], depth - 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    if "properties" in schema and (schema.get("type") == "object" or draw(st.integers(0, 9)) < 9):
        return _drawn_object(draw, root, schema, depth)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return _drawn(draw, root, draw(st.sampled_from(schema[word])), depth - 1)
    if "items" in schema and draw(st.integers(0, 9)) < 9:
        first = [_drawn(draw, root, each, depth - 1) for each in schema.get("prefixItems", [])]
        more = range(draw(st.integers(schema.get("minItems", 0), 3)))
        return first + [_drawn(draw, root, schema["items"], depth - 1) for _ in more]
    kinds = schema.get("type", [])
    return draw(
        _OF_KIND[draw(st.sampled_from([kinds] if isinstance(kinds, str) else kinds))] if kinds else documents
    )


def _drawn_object(
    draw: st.DrawFn, root: dict[str, Any], schema: dict[str, Any], depth: int
) -> dict[str, Any]:
    required = schema.get("required", [])
    made = {
        name: _drawn(draw, root, each, depth - 1)
        for name, each in schema["properties"].items()
        if name in required or draw(st.booleans())
    }
    for branch in [*schema.get("allOf", []), *schema.get("anyOf", [])[:1], *schema.get("oneOf", [])[:1]]:
        if isinstance(branch, dict) and "properties" in branch and draw(st.booleans()):
            made |= _drawn_object(draw, root, branch, depth - 1) if depth else {}
    for name in [*required, *draw(st.lists(_names, max_size=2))]:
        if name in made or name in schema["properties"]:
            continue
        rest = schema.get("additionalProperties", True)
        if "patternProperties" in schema and name.startswith("t"):
            made[name] = draw(_OF_KIND["string"])
        elif rest is not False:
            made[name] = _drawn(draw, root, rest, depth - 1)
    return made


def includes(t: Type, value: Any) -> bool:  # noqa: PLR0911 - a kind each
    """Whether a type contains a value."""
    if value is None:
        return t.null
    if isinstance(value, bool):
        return value in t.booleans
    if isinstance(value, (int, float)):
        return t.numbers is None or value in t.numbers
    if isinstance(value, str):
        return (t.strings is None or value in t.strings) and (value != "" or "string" in t.empty)
    if isinstance(value, list):
        if t.items is None or (not value and "array" not in t.empty):
            return False
        items = t.items.get()
        return all(includes(items, element) for element in value)
    if isinstance(value, Mapping):
        return (bool(value) or "object" in t.empty) and any(_fits(shape, value) for shape in t.objects)
    return isinstance(value, _Expression) and t.expref


def _fits(shape: Shape, value: Mapping[str, Any]) -> bool:
    for name, found in shape.properties.items():
        # A required property may be one that reads as null.
        if (name in value or found.required) and not includes(found.type.get(), value.get(name)):
            return False
    others = value.keys() - shape.properties.keys()
    rest = shape.rest
    return not others if rest is None else all(includes(rest.get(), value[name]) for name in others)


class Watched(Interpreter):
    """The interpreter, recording the value of each node."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[tuple[Node, Any]] = []

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        value = super().visit(node, *args, **kwargs)
        self.values.append((node, value))
        return value


class Claims(ProblemReport):
    """A report that records the node of each problem."""

    def __init__(self, tree: Tree, *, declared: bool, validated: bool) -> None:
        super().__init__(tree, declared=declared, validated=validated)
        self.claims: list[tuple[str, str, Node]] = []

    def add(
        self,
        code: str,
        node: Node,
        message: str,
        *details: str | None,
        constant: bool = False,
        **more: str | None,
    ) -> None:
        super().add(code, node, message, *details, constant=constant, **more)
        if not self.is_muted:
            self.claims.append((code, message, node))


class Recorded(Inference):
    """The inference, recording the type of each node."""

    def __init__(self, tree: Tree, report: ProblemReport) -> None:
        super().__init__(tree, report)
        self.types: dict[int, list[Type]] = {}

    def infer(self, node: Node, scope: Scope) -> Type:
        return self._noted(node, super().infer(node, scope))

    def condition(self, node: Node, scope: Scope) -> Type:
        return self._noted(node, super().condition(node, scope))

    def _noted(self, node: Node, inferred: Type) -> Type:
        if not self.report.is_muted:
            self.types.setdefault(id(node), []).append(inferred)
        return inferred


def calls_over(tree: Tree, node: Node) -> Iterator[Node]:
    """Yield the calls that have this node as an argument, or as the expression inside an argument."""
    for call, _, _ in walk(tree.root, 0, len(tree.expression)):
        if call["type"] == "function_expression":
            held = [each["children"][0] if each["type"] == "expref" else each for each in call["children"]]
            if any(each is node for each in [*held, *call["children"]]):
                yield call
