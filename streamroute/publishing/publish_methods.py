"""The methods by which a program publishes, of a publisher as of an application."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from streamroute.publishing.event import Event

if TYPE_CHECKING:
    from streamroute.publishing.event_writer import EventWriter


class PublishMethods(ABC):
    """Publishes events to the streams of a configuration, by their codecs."""

    async def publish(  # noqa: PLR0913 - the facts of an event, by name
        self,
        stream: str,
        type: str,  # noqa: A002 - the name of the fact
        data: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        id: str | None = None,  # noqa: A002 - the name of the fact
        delay: float | str | None = None,
        key: str | None = None,
        traceparent: str | None = None,
        tracestate: str | None = None,
        validate: bool = False,
    ) -> str:
        """Publish one event; return the id of its entry, or with ``delay`` the name under which it waits.

        The arguments are those of ``Event``. With ``validate``, the type must be known to the configuration,
        and the data must fit its schema in the catalogue.

        Raises EncodeError for an event that cannot be published as asked, PayloadError for one that does not
        fit the catalogue, SetupError for a stream that the configuration does not declare or that Redis
        refuses to write, and RedisUnavailableError if Redis cannot be reached: the event may have been
        written if the connection broke. With an ``id`` it can be published again.

        Source: https://redis.io/docs/latest/commands/xadd/
        """
        event = Event(
            type, data, headers=headers, id=id, delay=delay, key=key,
            traceparent=traceparent, tracestate=tracestate,
        )  # fmt: skip
        return await self._event_writer().publish(stream, event, validate=validate)

    async def publish_many(
        self, stream: str, events: Iterable[Event], *, validate: bool = False
    ) -> list[str]:
        """Publish events in order; return what ``publish`` returns for each.

        All events are encoded, and checked if ``validate``, before the first is written. They are sent in
        chunks of at most 500 events and 4 MB, each in one round trip; a chunk is written whole or not at all.

        Raises what ``publish`` raises, and PublishError if Redis fails: its ``ids`` are known to be written.
        """
        return await self._event_writer().publish_many(stream, events, validate=validate)

    @abstractmethod
    def _event_writer(self) -> EventWriter:
        """Return what writes the events. Raises SetupError if it is not open."""
