"""The kind of a value is that of its class, and a class that JSON does not have has none."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.expressions.kinds import KINDS, PLURAL, SINGULAR, kind_of
from streamroute.message import Message


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"), (True, "boolean"), (0, "number"), (1.5, "number"), ("", "string"), ([], "array"),
        ({}, "object"), (Message({}), "object"), (object(), None), (b"", None),
    ],
)  # fmt: skip
def test_a_value_has_the_kind_of_its_class(value: Any, kind: str | None) -> None:
    assert kind_of(value) == kind


def test_each_kind_has_a_name_for_one_and_for_many() -> None:
    assert set(KINDS) == set(SINGULAR) == set(PLURAL)
