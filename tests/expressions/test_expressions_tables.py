"""All that is said of the expressions in ``tables/``: syntax, types, values, and why they are true.

A table holds an expression for each thing that the code can say of one, so that a change anywhere shows as
a line that differs.
"""

from __future__ import annotations

import pytest

from expression_tables import TABLES, read_table


@pytest.mark.parametrize("name", TABLES)
def test_each_expression_has_its_expected_problems(name: str) -> None:
    assert list(read_table(name))
    wrong = [
        f"> {given}\n  {message}\n  instead of {expected}" for given, message, expected in compared(name)
    ]
    assert not wrong, "\n".join(wrong[:10])


def compared(name: str) -> list[tuple[str, list[str], list[str]]]:
    """The blocks of a table of which something else is said than is expected."""
    found = []
    for given, expected in read_table(name):
        try:
            message = [line.strip() for line in TABLES[name](given)]
        except Exception as error:
            error.add_note(f"of {given}")
            raise
        if message != expected:
            found.append((given, message, expected))
    return found
