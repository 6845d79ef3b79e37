"""A stream that lines of JSON are published to: each is an event with its type beside its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamroute.publishing.event import Event
from streamroute.publishing.event_writer import StreamTarget


@dataclass(frozen=True, slots=True)
class LineTarget:
    """A ``SupportsPublish`` for the payloads of lines; with ``validate``, they are checked, too."""

    target: StreamTarget
    validate: bool = False

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        """Return the fields of an entry; raises EncodeError, or PayloadError if the event does not fit."""
        data = {name: value for name, value in payload.items() if name != "type"}
        return self.target.encoder.encode(Event(payload.get("type", ""), data), validate=self.validate).fields

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        """See ``SupportsPublish``."""
        return await self.target.writer.publish(entries)
