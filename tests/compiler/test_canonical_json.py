"""Canonical JSON: one text for equal values."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.compiler.canonical_json import canonical_json
from streamroute.expansion import ExpansionError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1.0, "a": [True, None, 1.5]}, '{"a":[true,null,1.5],"b":1}'),
        ("é", '"\\u00e9"'),
        (7, "7"),
        (True, "true"),
        (10**400, str(10**400)),
        (-0.0, "0"),
        (1e300, str(int(1e300))),
        ([], "[]"),
    ],
)
def test_the_text_of_a_value(value: Any, text: str) -> None:
    assert canonical_json(value) == text


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ExpansionError):
        canonical_json(value)
