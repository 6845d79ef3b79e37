"""All that is said of the expressions in ``tables/``: syntax, types, values, and why they are true.

A table holds an expression for each thing that the code can say of one, so that a change anywhere shows as
a line that differs.
"""

from __future__ import annotations

import pytest
from expression_tables import TABLES, read_table

BLOCKS = [(name, block.given, block.expected) for name in TABLES for block in read_table(name)]


@pytest.mark.parametrize(("name", "given", "expected"), BLOCKS)
def test_what_is_said_of_an_expression(name: str, given: str, expected: list[str]) -> None:
    assert [line.strip() for line in TABLES[name](given)] == expected
