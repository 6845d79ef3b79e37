"""What a hostile producer can make a validation cost: it is stopped, and no honest message is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

import pytest

from streamroute.compiler.validation.budget import FREE_STEPS, STEPS_PER_VALUE, Budget, size_of
from streamroute.compiler.validation.building import SchemaChecks
from streamroute.compiler.validation.data_check import data_check
from streamroute.compiler.validation.equality import frozen
from streamroute.compiler.validation.problems import DataProblemFinder
from streamroute.config.messages.catalog import MessageSchema
from streamroute.config.messages.dialects import Dialect
from streamroute.errors import CostlyDataError

DIALECT = Dialect.DRAFT_2020_12


@pytest.fixture(params=[True, False], ids=["with-jsonschema-rs", "without"])
def fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Each verdict is the same with the extra and without it."""
    if request.param:
        pytest.importorskip("jsonschema_rs", reason="jsonschema-rs is not installed")
    else:
        monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    return bool(request.param)


def checked(root: dict[str, Any], data: Any) -> str | None:
    return data_check(MessageSchema({"$schema": str(DIALECT), **root}, DIALECT))(data)


def steps_of(root: dict[str, Any], data: Any) -> int:
    """The steps that a validation takes; raises CostlyDataError where it is stopped."""
    budget = Budget(data)
    SchemaChecks(root, DIALECT).fits(root, data, budget)
    allowed = FREE_STEPS + (
        STEPS_PER_VALUE * size_of(data) if budget.remaining < 0 or budget._is_extended else 0
    )
    return allowed - budget.remaining


def nested(levels: int, leaf: Any) -> Any:
    for _ in range(levels):
        leaf = {"a": leaf}
    return leaf


TREE = {
    "anyOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}, "minProperties": 9}]
}
"""Each level of the data is looked at twice: without a memory, 2**60 times for the lowest of sixty."""


@pytest.mark.usefixtures("fast")
def test_a_schema_that_branches_into_itself_is_not_exponential() -> None:
    worst = {"anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": ["b"]}] * 3 + [{"type": "string"}]}
    assert checked(TREE, nested(60, {})) is None
    assert checked(worst, nested(60, 1)) == "a.a.a.a matches none of the allowed forms"
    assert steps_of(TREE, nested(60, {})) < 2_000
    assert steps_of(worst, nested(60, 1)) < 2_000


LARGE: Final[dict[str, tuple[dict[str, Any], Callable[[], Any]]]] = {
    "numbers": ({"items": {"type": "integer"}}, lambda: list(range(200_000))),
    "rows": (
        {"items": {"$ref": "#/$defs/row"}, "$defs": {"row": {"required": ["a"]}}},
        lambda: [{"a": 1}] * 50_000,
    ),
    "unique": ({"uniqueItems": True}, lambda: list(range(100_000))),
    "lists": ({"uniqueItems": True}, lambda: [[number] for number in range(50_000)]),
    "objects": ({"uniqueItems": True}, lambda: [{"a": number} for number in range(50_000)]),
    "64 bits": ({"uniqueItems": True}, lambda: [2**63 + number for number in range(50_000)]),
    "digits": ({"uniqueItems": True}, lambda: [10**4_000 + number for number in range(2_000)]),
    "excluded digits": (
        {"items": {"not": {"enum": list(range(100))}}},
        lambda: [10**4_000 + number for number in range(5_000)],
    ),
    "bounded digits": (
        {"items": {"minimum": 1, "multipleOf": 1}},
        lambda: [10**4_000 + number for number in range(20_000)],
    ),
    "patterns": (
        {"additionalProperties": {"pattern": "^(a+)+$"}},
        lambda: {str(number): "a" * 50 for number in range(5_000)},
    ),
    "text": ({"pattern": "^(a|a)*$"}, lambda: "a" * 1_000_000),
    "words": ({"pattern": r"^\s*\S+(\s+\S+)*\s*$"}, lambda: "word " * 100_000 + "end"),
    "tree": (
        {"$ref": "#/$defs/t", "$defs": {"t": {"items": {"$ref": "#/$defs/t"}}}},
        lambda: [[[]] * 1_000] * 100,
    ),
}
"""Schemas, and what makes data of them."""


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("name", LARGE)
def test_large_honest_data_is_valid(name: str) -> None:
    root, data = LARGE[name]
    assert checked(root, data()) is None


@pytest.mark.usefixtures("fast")
def test_data_that_takes_too_many_steps_is_too_costly() -> None:
    """Two hundred patterns that look ahead, for each of two thousand keys."""
    many = {f"(?=.*{number}a)(?=.*b).*c{number}$": True for number in range(200)}
    with pytest.raises(CostlyDataError, match="too costly to validate: it was stopped after too many steps"):
        checked({"patternProperties": many}, {f"{'b' * 40}{number}": 1 for number in range(2_000)})


@pytest.mark.timeout(60)  # a library that cannot be stopped took hours
@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    "root", [{"uniqueItems": True}, {"items": {"minimum": 1}}, {"items": {"multipleOf": 3}}], ids=repr
)
def test_long_numbers_are_left_to_checks_that_count(root: dict[str, Any]) -> None:
    assert checked(root, [3 * (10**4_000 + number) for number in range(2_000)]) is None


class FewSteps(Budget):
    """A budget that hardly grows with the data."""

    max_added = 1_000


def test_no_message_exceeds_the_step_limit() -> None:
    root = {"uniqueItems": True}
    fits = SchemaChecks(root, DIALECT).fits
    few, many = list(range(FREE_STEPS // 2)), list(range(2 * FREE_STEPS))
    assert fits(root, few, FewSteps(few))
    with pytest.raises(CostlyDataError):
        fits(root, many, FewSteps(many))
    assert fits(root, many, Budget(many))


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    ("root", "data"),
    [
        ({"items": {"type": "string"}}, [1] * 300_000),
        ({"anyOf": [{"items": {"type": "string"}}, {"items": {"type": "null"}}]}, [1] * 300_000),
        ({"additionalProperties": False}, dict.fromkeys(map(str, range(100_000)))),
        ({"propertyNames": {"maxLength": 0}}, dict.fromkeys(map(str, range(100_000)))),
        (
            {"oneOf": [{"items": {"anyOf": [{"type": "string"}, {"const": 2}]}}, {"type": "null"}]},
            [1] * 300_000,
        ),
        ({"patternProperties": {"": False}}, dict.fromkeys(map(str, range(100_000)))),
    ],
)
def test_validation_stops_after_a_few_problems(root: dict[str, Any], data: Any) -> None:
    finder = DataProblemFinder(SchemaChecks(root, DIALECT), data)
    first = next(finder.problems())
    assert first.path in ((), (0,), ("0",))
    output = checked(root, data)
    assert output is not None
    assert len(output) < 500


def test_the_values_of_unique_items_cannot_be_made_to_collide() -> None:
    """Python gives the multiples of 2**61 - 1 one hash: a set of them is searched from end to end."""
    clashing = [number * (2**61 - 1) for number in range(1, 1_000)]
    assert len({hash(number) for number in clashing}) == 1
    assert len({hash(frozen(number, Budget(None))) for number in clashing}) > 900
    assert frozen(2**70, Budget(None)) == frozen(float(2**70), Budget(None))
    assert steps_of({"uniqueItems": True}, clashing) < 10 * len(clashing)


@pytest.mark.parametrize(
    ("left", "right", "are_equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (0, "0", False),
        (None, False, False),
        ([], {}, False),
        ([1, [2]], [1.0, [2.0]], True),
        ({"a": 1, "b": [True]}, {"b": [True], "a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        (["is", True], True, False),
        (float("inf"), float("inf"), True),
        (-0.0, 0, True),
        (10**30, 1e30, False),
    ],
)
def test_equality_is_that_of_json(left: Any, right: Any, are_equal: bool) -> None:
    assert (frozen(left, Budget(None)) == frozen(right, Budget(None))) is are_equal


@pytest.mark.parametrize(
    ("root", "is_bounded"),
    [
        ({"properties": {str(number): {"type": "string"} for number in range(500)}}, True),
        ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"items": {"enum": [1]}}}}, True),
        ({"properties": {"a": {"$ref": "#"}}}, False),
        ({"items": {"anyOf": [{"const": 1}] * 50}}, False),
        ({"$ref": "#/$defs/0", "$defs": {
            **{str(n): {"allOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(30)}, "30": {}}}, False),
    ],
)  # fmt: skip
def test_the_number_of_steps_is_bounded_in_advance(root: dict[str, Any], is_bounded: bool) -> None:
    assert (SchemaChecks(root, DIALECT).effort <= STEPS_PER_VALUE // 4) is is_bounded
