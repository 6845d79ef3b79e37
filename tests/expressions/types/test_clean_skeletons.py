"""Parts of the type checker that no finding shows by itself: what is remembered, where it stops looking."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.expressions.filters import compile_filter
from streamroute.expressions.problem import ExpressionError
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.transforms import compile_transform
from streamroute.expressions.types import check
from streamroute.expressions.types.algebra.from_json_schema import from_schema
from streamroute.expressions.types.algebra.json_types import UNKNOWN
from streamroute.expressions.types.algebra.payload_type import payload_type
from streamroute.expressions.types.check import check_types
from streamroute.expressions.types.clean_skeletons import CleanSkeletons, literals_in, skeleton_of
from streamroute.expressions.types.nodes import path_of, paths_in


def test_clean_expressions_are_cached_by_skeleton() -> None:
    """Of ten thousand filters that differ in their literals one is looked into."""
    check_types(parse("remembered_field == 'one'"))
    assert check._CLEAN[True].is_clean(skeleton_of("remembered_field == 'two'") or "")
    assert not check._CLEAN[False].is_clean(skeleton_of("remembered_field == 'two'") or "")


def test_expressions_with_problems_are_not_cached() -> None:
    for _ in range(2):
        [problem] = check_types(parse("odd_field < 'a' && `1` < 'a'"))
        assert problem.code == "SR314"
    assert not check._CLEAN[True].is_clean(skeleton_of("odd_field < 'a' && `1` < 'a'") or "")


def test_a_remembered_outline_is_not_looked_into_again() -> None:
    expression = "known_field < 'a' && `2` < 'a'"
    skeleton = skeleton_of(expression)
    assert skeleton is not None
    check._CLEAN[True].add(skeleton)
    assert check_types(parse(expression)) == []


@pytest.mark.parametrize(
    ("expression", "skeleton"),
    [
        ("a == 'x' && b == 'x'", "a == '0' && b == '0'"),
        ("a == 'x' && b == 'y'", "a == '0' && b == '1'"),
        ("a == `12` && c == `3`", "a == `0` && c == `1`"),
        ("a == `true` || b == `[]`", "a == `true` || b == `[]`"),
        ("a == ''", "a == ''"),
        ("type(a) == 'string'", "type(a) == 'string'"),
        ("a[1]", "a[1]"),
        ("a == `1.0`", None),
        ("a == `[1]`", None),
        ('a == `1` && "b"', None),
    ],
)
def test_a_skeleton_keeps_everything_that_the_checks_depend_on(expression: str, skeleton: str | None) -> None:
    assert skeleton_of(expression) == skeleton


def test_literals_that_a_schema_holds_stay_in_an_outline() -> None:
    assert (
        skeleton_of("a == 'x' && b == 'y' && c == `7`", {"'x'", "`7`"}) == "a == 'x' && b == '0' && c == `7`"
    )


def test_the_cache_of_skeletons_is_bounded() -> None:
    clean = CleanSkeletons()
    for number in range(4096):
        clean.add(str(number))
    assert clean.is_clean("0")
    clean.add("one more")
    assert clean.is_clean("one more")
    assert not clean.is_clean("0")


def test_messages_count_as_validated_only_if_declared() -> None:
    schema = {"type": "object", "required": ["tier"], "properties": {"tier": {"enum": ["gold", "silver"]}}}
    payload = payload_type({"t": from_schema(schema)})
    for expression in ("@", "tier", "tier == 'bronze'", "tier != `null`"):
        tree = parse(expression)
        assert check_types(tree, payload) == check_types(tree, payload, validated=False)
        assert check_types(tree) == check_types(tree, condition=True)
    assert check_types(parse("@"), payload) != check_types(parse("@"), payload, validated=True)


def test_the_literals_of_a_schema_are_found_however_deep() -> None:
    schema = {"enum": ["a", {"b": [1, 2.0, 2.5, None]}], "then": {"x": {"y": [["c"]]}}, "const": True}
    assert sorted(set(literals_in(schema))) == ["'a'", "'c'", "`1`", "`2`"]


@pytest.mark.parametrize(("steps", "is_path"), [(1, True), (2, True), (32, True), (33, False), (100, False)])
def test_an_unusual_path_has_no_skeleton(steps: int, is_path: bool) -> None:
    names = [f"f{number}" for number in range(steps)]
    assert path_of(parse(".".join(names)).root) == (tuple(names) if is_path else None)


@pytest.mark.parametrize(
    ("expression", "paths"),
    [
        ("a", {("a",)}),
        ("@", {()}),
        ("a.b == c && !d", {("a", "b"), ("c",), ("d",)}),
        ("length(a.b) > `1`", {("a", "b")}),
        ("a[0] || b[1:2].c", {("a",), ("b",), ("c",)}),
        ("a.b[?c.d]", {("a", "b"), (), ("c", "d")}),
        ("`1` == 'x'", set()),
    ],
)
def test_the_paths_that_an_expression_reads_are_found(expression: str, paths: set[tuple[str, ...]]) -> None:
    assert paths_in(parse(expression).root) == paths


@pytest.mark.parametrize("compile_expression", [compile_filter, compile_transform])
@pytest.mark.parametrize("expression", ["nothing_like_it(a)", "length(a, b)", "a[::0]", "a ==", ""])
def test_expressions_that_always_fail_are_not_compiled(compile_expression: object, expression: str) -> None:
    assert callable(compile_expression)
    with pytest.raises(ExpressionError) as refused:
        compile_expression(expression)
    assert refused.value.expression == expression
    assert refused.value.problem.text in str(refused.value)


@pytest.mark.parametrize(
    "word", ["bogus", ["string", "bogus"], ["bogus", "string"], [], [5], 5, None, [["string"]], {"a": 1}]
)
def test_a_schema_with_an_invalid_type_is_unknown(word: Any) -> None:
    assert from_schema({"type": word}) == UNKNOWN


@pytest.mark.parametrize("name", ["$id", "id"])
def test_a_schema_with_an_id_is_not_searched(name: str) -> None:
    """Its references count from there; the document's own address is no other."""

    def type_of_a(inner: dict[str, Any]) -> Any:
        root = {name: "https://example.com/root", "type": "object", "properties": {"a": inner}}
        [shape] = from_schema(root).objects
        return shape.properties["a"].type.get()

    assert type_of_a({name: "https://example.com/other", "type": "string"}) == UNKNOWN
    for local in ({"type": "string"}, {name: 5, "type": "string"}):
        assert type_of_a(local) == from_schema({"type": "string"}) != UNKNOWN
