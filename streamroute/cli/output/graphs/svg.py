"""Renders a graph as SVG, which browsers show without other tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.cli.output.formats.junit_xml import escape
from streamroute.ops.route_graph.graph import Graph, Layer
from streamroute.ops.route_graph.layout import GAP, LINE, Box, Layout, lay_out

_MARGIN, _HEAD = 24, 36
_COLORS: Final = {
    Layer.STREAM: ("#dbeafe", "#2563eb"),
    Layer.TYPE: ("#ede9fe", "#7c3aed"),
    Layer.ROUTE: ("#fef3c7", "#b45309"),
    Layer.HANDLER: ("#dcfce7", "#15803d"),
}
_COLUMN_TITLES: Final = {
    Layer.STREAM: "stream",
    Layer.TYPE: "type",
    Layer.ROUTE: "route and filter",
    Layer.HANDLER: "handler",
}
_STYLE: Final = """\
  <style>
    text { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2937 }
    .head { fill: #6b7280; font-weight: bold }
    .detail { fill: #6b7280 }
    .edge { fill: none; stroke: #9ca3af; stroke-width: 1.2 }
    .off { opacity: 0.55; stroke-dasharray: 4 3 }
  </style>
"""


def render(graph: Graph) -> str:
    """Render an SVG document; the tooltip of a box has its full text."""
    layout = lay_out(graph)
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN + _HEAD
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n',
        "  <title>routes</title>\n",
        _STYLE,
        f'  <rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>\n',
        *_column_titles(layout),
        *_edges(graph, layout),
        *(_drawn(box) for box in layout.boxes.values()),
        "</svg>\n",
    ]
    return "".join(parts)


def _column_titles(layout: Layout) -> Iterator[str]:
    for layer, x in layout.columns.items():
        yield f'  <text class="head" x="{x + _MARGIN:.1f}" y="{_MARGIN + 8}">{_COLUMN_TITLES[layer]}</text>\n'


def _edges(graph: Graph, layout: Layout) -> Iterator[str]:
    for start, end in graph.edges:
        source, target = layout.boxes[start], layout.boxes[end]
        x1, y1 = source.x + source.width + _MARGIN, source.y + _MARGIN + _HEAD
        x2, y2 = target.x + _MARGIN, target.y + _MARGIN + _HEAD
        # From a narrow box the edge is horizontal to the column's end, then bends.
        level = x2 - GAP
        middle = x2 - GAP / 2
        curve = f"C{middle:.1f},{y1:.1f} {middle:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"
        path = f"M{x1:.1f},{y1:.1f} H{level:.1f} {curve}"
        yield f'  <path class="edge" d="{path}"/>\n'


def _drawn(box: Box) -> str:
    fill, stroke = _COLORS[box.node.layer]
    x, y = box.x + _MARGIN, box.top + _MARGIN + _HEAD
    corner = box.height / 2 if box.node.layer is Layer.TYPE else 5
    size = f'x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{corner:.1f}"'
    tooltip = escape(f"{box.node.label}\n{box.node.detail}".strip())
    lines = "".join(_line(box, number, x + 12, y) for number in range(len(box.lines)))
    off = "" if box.node.runs else ' class="off"'
    rect = f'<rect {size} fill="{fill}" stroke="{stroke}"/>'
    return f"  <g{off}><title>{tooltip}</title>{rect}{lines}</g>\n"


def _line(box: Box, number: int, x: float, top: float) -> str:
    y = top + 8 + LINE * number + 12
    style = ' class="detail"' if number else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}">{escape(box.lines[number])}</text>'
