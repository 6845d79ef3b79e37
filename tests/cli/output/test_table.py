"""Tables: a row is a line."""

from __future__ import annotations

from streamroute.cli.output.table import table


def test_numbers_are_right_aligned_under_their_heads() -> None:
    assert table(("stream", "count"), [("a", 5), ("bbbbbbb", 12)]) == (
        "stream   count\na            5\nbbbbbbb     12"
    )


def test_a_cell_cannot_forge_a_row() -> None:
    """The name of a stream, of a group or of a configuration file may contain anything."""
    made = table(("stream", "reason"), [("a\nforged  row", "b\x1b[2J\u2028c\r")])
    assert len(made.splitlines()) == 2
    assert "\x1b" not in made
