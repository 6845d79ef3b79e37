"""Renders a graph for Graphviz.

Source: https://graphviz.org/doc/info/lang.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.cli.output.streams import printable
from streamroute.ops.route_graph.graph import Graph, GraphNode, Layer

_SHAPES: Final = {
    Layer.STREAM: "cylinder",
    Layer.TYPE: "oval",
    Layer.ROUTE: "box",
    Layer.HANDLER: "component",
}


def render(graph: Graph) -> str:
    """Render a directed graph from left to right, with a rank for each layer."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    yield "digraph routes {"
    yield '  graph [rankdir="LR" ranksep="1"]'
    yield '  node [fontname="monospace" fontsize="11"]'
    for layer in Layer:
        nodes = graph.layer(layer)
        if nodes:
            yield f'  subgraph {{ rank="same"; node [shape="{_SHAPES[layer]}"]'
            yield from (f"    {node.key} [{_attributes(node)}]" for node in nodes)
            yield "  }"
    for start, end in graph.edges:
        yield f"  {start} -> {end}"
    yield "}"


def _attributes(node: GraphNode) -> str:
    role = f" ({node.role})" if node.role not in {"", "disabled"} else ""
    label = _escaped(node.label + role) + (f"\\n{_escaped(node.detail)}" if node.detail else "")
    return f'label="{label}"' + ("" if node.runs else ' style="dashed"')


def _escaped(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')
