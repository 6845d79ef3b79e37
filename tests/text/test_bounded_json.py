"""JSON of 200 levels is parsed, and deeper JSON is refused: in every version of Python."""

from __future__ import annotations

import pytest

from streamroute.text.bounded_json import loads_bounded


@pytest.mark.parametrize("level", [("[", "]"), ('{"a": ', "}")])
@pytest.mark.parametrize("levels", [201, 1_000, 100_000])
def test_deeper_json_is_refused(level: tuple[str, str], levels: int) -> None:
    opening, closing = level
    with pytest.raises(RecursionError):
        loads_bounded(opening * levels + "1" + closing * levels)


def test_200_levels_and_brackets_in_texts_are_parsed() -> None:
    assert str(loads_bounded("[" * 200 + "]" * 200)) == "[" * 200 + "]" * 200
    assert loads_bounded(f'["{"[" * 300}"]') == ["[" * 300]
    assert loads_bounded("[" + "[[]]," * 300 + "1]") == [[[]]] * 300 + [1]


def test_other_text_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        loads_bounded("[1, nothing]")
