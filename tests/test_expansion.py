"""Expansion: what is far larger when it is walked through than it is, and what is merely large."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.adapters.codecs import codec_named
from streamroute.adapters.jsontext import write_json
from streamroute.compiler.dedupe import digest
from streamroute.compiler.order import order_key
from streamroute.compiler.reasons import shown
from streamroute.errors import EncodeError
from streamroute.expansion import MOST, ExpansionError, refuse_expanding


def doubled(levels: int, inner: Any = 1) -> Any:
    """A list of ``2 ** levels`` leaves that takes no more room than its levels."""
    for _ in range(levels):
        inner = [inner, inner]
    return inner


def knot() -> dict[str, Any]:
    """What contains itself, twice."""
    value: dict[str, Any] = {}
    value["a"], value["b"] = value, (value,)
    return value


@pytest.mark.parametrize("value", [doubled(40), doubled(40, {}), {"a": doubled(40)}, (doubled(40),), knot()])
def test_what_never_ends_is_refused_wherever_it_is_written(value: Any) -> None:
    with pytest.raises(ExpansionError, match="contains itself, or the same values so often"):
        refuse_expanding(value)
    with pytest.raises(ExpansionError):
        digest(value)
    with pytest.raises(ExpansionError):
        write_json(value)
    for codec in ("json", "typed-fields"):
        with pytest.raises(EncodeError, match="contains itself"):
            codec_named(codec).encode({"type": "t", "value": value})
    assert order_key("value")({"value": value}) is None
    assert len(shown(value)) <= 200


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        [],
        {"a": [1, {"b": ()}]},
        doubled(10),
        list(range(3 * MOST)),
        [[n] for n in range(MOST)],
        [[1, 2, 3]] * (MOST // 10),
        {f"{n}": [n, [n]] for n in range(MOST)},
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_merely_large_or_shared_is_taken(value: Any) -> None:
    refuse_expanding(value)
