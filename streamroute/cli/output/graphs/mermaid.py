"""Renders a graph for Mermaid, which GitHub and GitLab show in Markdown.

Source: https://mermaid.js.org/syntax/flowchart.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from streamroute.cli.output.streams import printable
from streamroute.ops.route_graph.graph import Graph, GraphNode, Layer

_SHAPES: Final = {
    Layer.STREAM: ('[("', '")]'),
    Layer.TYPE: ('(["', '"])'),
    Layer.ROUTE: ('{{"', '"}}'),
    Layer.HANDLER: ('["', '"]'),
}
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9 _.,/=:()'!?-]")


def render(graph: Graph) -> str:
    """Render a flowchart from left to right."""
    return "".join(f"{line}\n" for line in _lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    yield "flowchart LR"
    for node in graph.nodes.values():
        opening, closing = _SHAPES[node.layer]
        yield f"  {node.key}{opening}{_label(node)}{closing}"
    for start, end in graph.edges:
        yield f"  {start} --> {end}"
    disabled = [node.key for node in graph.nodes.values() if not node.runs]
    if disabled:
        yield "  classDef disabled stroke-dasharray: 4, opacity: 0.6"
        yield f"  class {','.join(disabled)} disabled"


def _label(node: GraphNode) -> str:
    if node.role:
        return f"{_escaped(node.label)}<br/>{_escaped(node.role)}"
    return f"{_escaped(node.label)}<br/>{_escaped(node.detail)}" if node.detail else _escaped(node.label)


def _escaped(text: str) -> str:
    """Replace special characters with Mermaid's entities."""
    return _UNSAFE.sub(lambda match: f"#{ord(match[0])};", printable(text))
