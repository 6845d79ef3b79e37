"""Types are worked out for so many steps, and then count as unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamroute.compiler.pipeline import check_path
from streamroute.compiler.rules.expressions import route_expressions
from streamroute.expressions.types.algebra.step_budget import (
    PER_EXPRESSION,
    StepBudget,
    TooManyStepsError,
    count_steps,
)

NODE = {"$ref": "#"}
EITHER = {"anyOf": [{"properties": {"a": NODE}}, {"properties": {"b": NODE}}]}
EXPLODING = {"type": "object", "allOf": [EITHER, EITHER, EITHER]}
"""Three alternatives in each step, and each step is one more."""


def paths(number: int, length: int) -> str:
    steps = ["".join("ab"[at >> bit & 1] for bit in range(length)) for at in range(number)]
    return " || ".join(f"{'.'.join(path)} == 'x'" for path in steps)


def chain_of_references(length: int) -> dict[str, Any]:
    links: dict[str, Any] = {f"d{at}": {"$ref": f"#/$defs/d{at + 1}"} for at in range(length)}
    return {"$ref": "#/$defs/d0", "$defs": {**links, f"d{length}": {"type": "object"}}}


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"allOf": [schema, {"description": "d"}]}
    return schema


def codes(folder: Path, schema: Any, expression: str, routes: int = 1) -> list[str]:
    (folder / "s.json").write_text(json.dumps(schema), encoding="utf-8")
    listed = [
        {
            "name": f"r{at}",
            "type": "t",
            "handler": "streamroute.handlers.log",
            "filter": f"{expression}{' ' * at}",
        }
        for at in range(routes)
    ]
    document = {"version": 1, "streams": {"s": {}}, "messages": {"t": {"schema": "s.json"}}, "routes": listed}
    (folder / "routes.yaml").write_text(json.dumps(document), encoding="utf-8")
    return [found.code for found in check_path(folder, imports=False).findings]


@pytest.mark.parametrize("length", [6, 30])
def test_an_expression_over_a_schema_that_explodes_is_left_unchecked(tmp_path: Path, length: int) -> None:
    assert codes(tmp_path, EXPLODING, paths(8, length)) == ["SR319"]


def test_many_such_expressions_share_one_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = StepBudget(2 * PER_EXPRESSION)
    monkeypatch.setattr(route_expressions, "StepBudget", lambda: steps)
    assert codes(tmp_path, EXPLODING, paths(8, 30), routes=20).count("SR319") == 20
    assert steps.remaining == 0


def test_a_schema_that_doubles_once_is_checked(tmp_path: Path) -> None:
    schema = {"type": "object", "additionalProperties": False, "properties": {"a": NODE}}
    assert codes(tmp_path, schema, "a.a.a.typo == 'x'") == ["SR315"]


@pytest.mark.parametrize("schema", [chain_of_references(400), chain_of_references(5_000), nested(300)])
def test_a_schema_deeper_than_the_stack_is_not_an_internal_error(tmp_path: Path, schema: Any) -> None:
    assert "SR315" not in codes(tmp_path, schema, "a.b == 'x'")


def test_steps_are_counted_over_all_work_and_over_each() -> None:
    steps = StepBudget(100)
    with steps.limited(60):
        count_steps(60)
    assert steps.remaining == 40
    with pytest.raises(TooManyStepsError), steps.limited(60):
        count_steps(41)
    assert steps.remaining == 0


def test_work_that_is_not_counted_has_no_end() -> None:
    count_steps(10 * PER_EXPRESSION)
    with StepBudget(PER_EXPRESSION).limited():  # and counts against nothing that follows
        count_steps(PER_EXPRESSION)
        with pytest.raises(TooManyStepsError):
            count_steps(1)
