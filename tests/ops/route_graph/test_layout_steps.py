"""The number of steps to lay out a drawing grows in proportion to its boxes."""

from __future__ import annotations

import pytest

from streamroute.ops.route_graph import layout
from streamroute.ops.route_graph.graph import GraphNode, Layer


def test_each_box_of_a_layer_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = 0
    height = layout._height

    def count(node: GraphNode) -> float:
        nonlocal measured
        measured += 1
        return height(node)

    monkeypatch.setattr(layout, "_height", count)
    nodes = [GraphNode(f"t{at}", Layer.TYPE, f"t{at}") for at in range(300)]
    centers = {"r": 100.0}
    layout._level(nodes, centers, {node.key: ["r"] for node in nodes})
    assert measured <= 10 * len(nodes)
    assert len({centers[node.key] for node in nodes}) == len(nodes)
