"""A filter that is a list or a mapping of YAML: the expression that was meant."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.config.schema.explain.written_conditions import as_condition
from streamroute.expressions.filters import compile_filter
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.types.check import check_types

GOLD: Any = {"tier": "gold", "nights": 3, "vip": True, "guest": {"name": "it's"}, "a-b": None}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["tier == 'gold'", "nights >= `3`"], "tier == 'gold' && nights >= `3`"),
        (["tier == 'gold' || nights > `9`", "vip"], "(tier == 'gold' || nights > `9`) && vip"),
        (["tier ==\n 'gold'"], "tier == 'gold'"),
        ([{"tier == 'gold'": None}], "tier == 'gold'"),
        (["?tier == 'gold'"], "tier == 'gold'"),
        ({"tier": "gold", "nights": 3}, "tier == 'gold' && nights == `3`"),
        ({"vip": None}, "vip"),
        ({"vip": True, "guest": {"name": "it's"}}, "vip == `true` && guest.name == 'it\\'s'"),
        ({"guest.name": "it's"}, "guest.name == 'it\\'s'"),
        ({"tier": ["gold", "silver"]}, "contains(['gold', 'silver'], tier)"),
        ({"nights": {"$gte": 3, "lt": 5}}, "nights >= `3` && nights < `5`"),
        ({"nights": {"in": [3, 4]}}, "contains([`3`, `4`], nights)"),
        ({"nights": ">= 3"}, "nights >= `3`"),
        ([{"tier": "gold"}, {"nights": 3}], "tier == 'gold' && nights == `3`"),
    ],
)
def test_a_written_condition_of_a_collection_becomes_an_expression(value: Any, expected: str) -> None:
    assert as_condition(value) == expected
    assert check_types(parse(expected)) == []
    assert compile_filter(expected)(GOLD)


@pytest.mark.parametrize("value", [[], {}, [1], [None], {"a": [{"b": 1}]}, {"a": [[1]]}, ["x" * 200]])
def test_ambiguous_conditions_are_not_rewritten(value: Any) -> None:
    assert as_condition(value) is None
