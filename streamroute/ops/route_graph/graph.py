"""The graph of routes, independent of its format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from streamroute.config.document import RouteConfig


class Layer(IntEnum):
    """The columns of a graph, in the direction of messages."""

    STREAM = 0
    TYPE = 1
    ROUTE = 2
    HANDLER = 3


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node; ``detail`` is a route's filter on one line, or empty. ``key`` is unique in the graph.

    ``role`` is empty, or what is special about a route: ``disabled``, ``shadow``, or whose canary it is.
    """

    key: str
    layer: Layer
    label: str
    detail: str = ""
    role: str = ""

    @property
    def runs(self) -> bool:
        """Whether messages reach the handler by it; not by a disabled route or a shadow."""
        return self.role not in {"disabled", "shadow"}


@dataclass(slots=True)
class Graph:
    """Nodes, and edges between their keys, in the order of the routes."""

    nodes: dict[str, GraphNode] = field(default_factory=dict)
    edges: dict[tuple[str, str], None] = field(default_factory=dict)

    def layer(self, layer: Layer) -> list[GraphNode]:
        """Return the nodes of one layer."""
        return [node for node in self.nodes.values() if node.layer is layer]


def graph_of(streams: Iterable[str], routes: Iterable[RouteConfig]) -> Graph:
    """Create the graph of a configuration, including streams without routes."""
    graph, keys = Graph(), _NodeKeys()
    for stream in streams:
        _add(graph, GraphNode(keys.of("s", stream), Layer.STREAM, stream))
    for route in routes:
        _add_route(graph, keys, route)
    return graph


class _NodeKeys:
    """Assigns a short key to each name."""

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
    name = _add(graph, GraphNode(keys.of("r", route.name), Layer.ROUTE, route.name, detail, _role(route)))
    for stream in route.streams:
        start = _add(graph, GraphNode(keys.of("s", stream), Layer.STREAM, stream))
        for kind in route.types:
            # A type of two streams has two nodes: each stream has its own routes for it.
            middle = _add(graph, GraphNode(keys.of("t", f"{stream}\0{kind}"), Layer.TYPE, kind))
            graph.edges[start, middle] = None
            graph.edges[middle, name] = None
    end = _add(graph, GraphNode(keys.of("h", route.handler), Layer.HANDLER, route.handler))
    graph.edges[name, end] = None


def _role(route: RouteConfig) -> str:
    if not route.enabled:
        return "disabled"
    if route.shadow:
        return "shadow"
    return "" if route.canary is None else f"{route.canary.percent:g}% of {route.instead_of}"


def _add(graph: Graph, node: GraphNode) -> str:
    graph.nodes.setdefault(node.key, node)
    return node.key
