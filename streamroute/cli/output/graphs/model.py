"""What a drawing of routes holds, whatever it is drawn with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from streamroute.config.document import RouteConfig


class Layer(IntEnum):
    """The columns of a drawing, in the direction that a message takes."""

    STREAM = 0
    TYPE = 1
    ROUTE = 2
    HANDLER = 3


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A box; ``detail`` is a route's filter, on one line, or empty. ``key`` is unique in its graph."""

    key: str
    layer: Layer
    label: str
    detail: str = ""
    enabled: bool = True


@dataclass(slots=True)
class Graph:
    """Boxes and what leads from one to another, by their keys, in the order of the routes."""

    nodes: dict[str, GraphNode] = field(default_factory=dict)
    edges: dict[tuple[str, str], None] = field(default_factory=dict)

    def layer(self, layer: Layer) -> list[GraphNode]:
        """The boxes of one column."""
        return [node for node in self.nodes.values() if node.layer is layer]


def graph_of(streams: Iterable[str], routes: Iterable[RouteConfig]) -> Graph:
    """The drawing of a configuration; streams without routes are in it too."""
    graph, keys = Graph(), _NodeKeys()
    for stream in streams:
        _add(graph, GraphNode(keys.of("s", stream), Layer.STREAM, stream))
    for route in routes:
        _add_route(graph, keys, route)
    return graph


class _NodeKeys:
    """Short keys, made once for each thing."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def of(self, prefix: str, name: str) -> str:
        if (prefix, name) not in self._known:
            self._counts[prefix] = number = self._counts.get(prefix, 0) + 1
            self._known[prefix, name] = f"{prefix}{number}"
        return self._known[prefix, name]


def _add_route(graph: Graph, keys: _NodeKeys, route: RouteConfig) -> None:
    detail = " ".join((route.filter or "").split())
    name = _add(graph, GraphNode(keys.of("r", route.name), Layer.ROUTE, route.name, detail, route.enabled))
    for stream in route.streams:
        start = _add(graph, GraphNode(keys.of("s", stream), Layer.STREAM, stream))
        for kind in route.types:
            # A type of two streams is two boxes: each stream has routes of its own for it.
            middle = _add(graph, GraphNode(keys.of("t", f"{stream}\0{kind}"), Layer.TYPE, kind))
            graph.edges[start, middle] = None
            graph.edges[middle, name] = None
    end = _add(graph, GraphNode(keys.of("h", route.handler), Layer.HANDLER, route.handler))
    graph.edges[name, end] = None


def _add(graph: Graph, node: GraphNode) -> str:
    graph.nodes.setdefault(node.key, node)
    return node.key
