"""The layout of a graph: a column for each layer, rows in the order of the routes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamroute.ops.route_graph.graph import Graph, GraphNode, Layer
from streamroute.text.truncation import ellipsize

LETTER: Final = 7.25
"""Width in px of a monospaced letter of 12 px."""
LINE: Final = 16
MAX_LINE_LENGTH: Final = 46
"""Maximum letters of a line; a longer one is cut."""

GAP: Final = 72
"""Space between two columns, in px."""

_PAD_X, _PAD_Y, _GAP_Y = 12, 8, 14


@dataclass(frozen=True, slots=True)
class Box:
    """A node and its position in px; ``y`` is its center."""

    node: GraphNode
    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]

    @property
    def top(self) -> float:
        """The y of the upper edge."""
        return self.y - self.height / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """All boxes by key, and their total width and height."""

    boxes: dict[str, Box]
    columns: dict[Layer, float]
    width: float
    height: float


def lay_out(graph: Graph) -> Layout:
    """Place the routes in a column; then center every other box on its neighbors."""
    neighbors = _neighbors(graph)
    columns, width = _columns(graph)
    centers: dict[str, float] = {}
    _stack(_ordered_routes(graph, neighbors), centers)
    for layer in (Layer.TYPE, Layer.STREAM, Layer.HANDLER):
        _level(graph.layer(layer), centers, neighbors)
    boxes = {key: _box(node, columns, centers[key]) for key, node in graph.nodes.items()}
    boxes = _shifted(boxes)
    height = max((box.y + box.height / 2 for box in boxes.values()), default=0)
    return Layout(boxes, columns, width, height)


def text_of(node: GraphNode) -> tuple[str, ...]:
    """Return the text lines of a box."""
    label = f"{node.label} ({node.role})" if node.role else node.label
    return tuple(ellipsize(line, MAX_LINE_LENGTH, "…") for line in (label, node.detail) if line)


def _neighbors(graph: Graph) -> dict[str, list[str]]:
    neighbors: dict[str, list[str]] = {key: [] for key in graph.nodes}
    for start, end in graph.edges:
        neighbors[start].append(end)
        neighbors[end].append(start)
    return neighbors


def _columns(graph: Graph) -> tuple[dict[Layer, float], float]:
    """Return the x of each column, and the end of the last one."""
    columns: dict[Layer, float] = {}
    x = 0.0
    for layer in Layer:
        columns[layer] = x
        widest = max((_width(node) for node in graph.layer(layer)), default=8 * LETTER)
        x += widest + GAP
    return columns, x - GAP


def _width(node: GraphNode) -> float:
    return max(len(line) for line in text_of(node)) * LETTER + 2 * _PAD_X


def _height(node: GraphNode) -> float:
    return len(text_of(node)) * LINE + 2 * _PAD_Y


def _ordered_routes(graph: Graph, neighbors: dict[str, list[str]]) -> list[GraphNode]:
    """Return the routes sorted by stream and type, so that few edges cross."""
    order = {node.key: at for at, node in enumerate(graph.layer(Layer.STREAM))}
    for node in graph.layer(Layer.TYPE):
        order[node.key] = min(order[key] for key in neighbors[node.key] if key in order)
    types = sorted(graph.layer(Layer.TYPE), key=lambda node: order[node.key])
    rank = {node.key: at for at, node in enumerate(types)}
    routes = graph.layer(Layer.ROUTE)
    return sorted(routes, key=lambda node: min(rank.get(key, len(rank)) for key in neighbors[node.key]))


def _stack(nodes: Sequence[GraphNode], centers: dict[str, float]) -> None:
    y = 0.0
    for node in nodes:
        centers[node.key] = y + _height(node) / 2
        y += _height(node) + _GAP_Y


def _level(nodes: Sequence[GraphNode], centers: dict[str, float], neighbors: dict[str, list[str]]) -> None:
    """Center each box on its neighbors; boxes that would overlap are stacked around their mean position."""
    targets = {node.key: _center_of(neighbors[node.key], centers) for node in nodes}
    below = max((target for target in targets.values() if target is not None), default=0.0) + LINE
    filled = {key: below if target is None else target for key, target in targets.items()}
    groups: list[_Group] = []
    for node in sorted(nodes, key=lambda node: filled[node.key]):
        groups.append(_Group.of(node, filled[node.key]))
        while len(groups) > 1 and groups[-2].bottom + _GAP_Y > groups[-1].top:
            last = groups.pop()
            groups[-1].take(last)
    for group in groups:
        centers |= group.centers()


@dataclass(slots=True)
class _Group:
    """Boxes stacked without space, as near as possible to their wanted positions."""

    nodes: list[GraphNode]
    tops: float
    """The sum over all boxes of the group's top if that box had its wanted position."""
    height: float

    @classmethod
    def of(cls, node: GraphNode, target: float) -> _Group:
        """Create a group of one box, whose wanted center is ``target``."""
        height = _height(node)
        return cls([node], target - height / 2, height)

    def take(self, below: _Group) -> None:
        """Add the boxes of the group below."""
        self.tops += below.tops - len(below.nodes) * (self.height + _GAP_Y)
        self.height += _GAP_Y + below.height
        self.nodes += below.nodes

    @property
    def top(self) -> float:
        return self.tops / len(self.nodes)

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def centers(self) -> dict[str, float]:
        """Return the center of each box, by key."""
        found, y = {}, self.top
        for node in self.nodes:
            found[node.key] = y + _height(node) / 2
            y += _height(node) + _GAP_Y
        return found


def _center_of(keys: Sequence[str], centers: dict[str, float]) -> float | None:
    return _mean([centers[key] for key in keys if key in centers])


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _box(node: GraphNode, columns: dict[Layer, float], y: float) -> Box:
    return Box(node, columns[node.layer], y, _width(node), _height(node), text_of(node))


def _shifted(boxes: dict[str, Box]) -> dict[str, Box]:
    top = min((box.top for box in boxes.values()), default=0.0)
    return {
        key: Box(box.node, box.x, box.y - top, box.width, box.height, box.lines) for key, box in boxes.items()
    }
