"""What can't be used is left out, and the rest stays as it is written."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.config.schema.pruning import INVALID, prune
from streamroute.config.yaml.source import DataPath

MANY = 100_000


def test_the_data_itself_is_not_changed() -> None:
    data: dict[str, Any] = {"routes": [{"nam": "a", "x": 1}], "streams": {"a": {"x": 1, "group": "g"}}}
    pruned = prune(data, [("routes", 0, "x"), ("streams", "a", "x")], {("routes", 0, "nam"): "name"})
    assert pruned == {"routes": [{"name": "a", "x": INVALID}], "streams": {"a": {"group": "g"}}}
    assert data == {"routes": [{"nam": "a", "x": 1}], "streams": {"a": {"x": 1, "group": "g"}}}


def test_a_renamed_key_stays_in_its_place() -> None:
    pruned = prune({"a": 1, "hander": 2, "c": 3}, [("hander",)], {("hander",): "handler"})
    assert list(pruned.items()) == [("a", 1), ("handler", 2), ("c", 3)]


def test_positions_of_routes_and_names_of_streams_and_messages_stay() -> None:
    data = {"routes": [1, {"name": "b"}], "streams": {"a": 1, "b": None}, "messages": {"t": []}}
    broken: list[DataPath] = [
        ("routes", 0),
        ("routes", 0, "name"),
        ("streams", "a"),
        ("streams", "b", "x"),
        ("messages", "t"),
        ("redis",),
    ]
    assert prune(data, broken, {}) == {
        "routes": [None, {"name": "b"}],
        "streams": {"a": {}, "b": {}},
        "messages": {"t": {}},
    }


@pytest.mark.timeout(60)
@pytest.mark.parametrize("above", [("routes", 0), ("streams", "a"), ("redis",), ()])
def test_many_keys_of_one_mapping_are_taken_out_together(above: DataPath) -> None:
    keys = [f"key{at}" for at in range(MANY)]
    wrong = dict.fromkeys(keys, 1)
    data = {"routes": [dict(wrong)], "streams": {"a": dict(wrong)}, "redis": dict(wrong), **wrong}
    pruned: Any = prune(data, [(*above, key) for key in keys], {})
    for step in above:
        pruned = pruned[step]
    assert all(pruned.get(key, INVALID) is INVALID for key in keys)
