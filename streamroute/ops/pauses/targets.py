"""What is paused: a route in each of its streams, or a whole stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamroute.keys import GroupKeys

if TYPE_CHECKING:
    from streamroute.config.document import Document, StreamConfig


@dataclass(frozen=True, slots=True)
class PauseTarget:
    """A route of one stream, or with an empty ``route`` the whole stream.

    ``formerly`` are the names under which the route may have been paused before it was renamed.
    """

    keys: GroupKeys
    route: str = ""
    formerly: tuple[str, ...] = ()

    @property
    def stream(self) -> str:
        """The name of the stream."""
        return self.keys.stream

    @property
    def label(self) -> str:
        """What to call it in a sentence."""
        return f"the route {self.route} of {self.stream}" if self.route else f"the stream {self.stream}"


def stream_target(stream: StreamConfig) -> PauseTarget:
    """Return the target that pauses a whole stream."""
    return PauseTarget(_keys(stream))


def route_targets(document: Document, name: str, stream: str | None = None) -> list[PauseTarget]:
    """Return a route in each of its streams, or in one stream of them.

    A name that the configuration does not have is one in every stream: a pause may outlive its route.
    """
    route = next((route for route in document.routes if route.name == name), None)
    streams = list(document.streams.values()) if route is None else document.streams_of(route)
    former = () if route is None else route.formerly
    return [PauseTarget(_keys(config), name, former) for config in streams if stream in (None, config.name)]


def _keys(stream: StreamConfig) -> GroupKeys:
    return GroupKeys.of(stream.name, stream.group, stream.dead_letter)
