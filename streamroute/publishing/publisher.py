"""Publish events from a program of one's own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from streamroute.errors import SetupError
from streamroute.publishing.connecting import connected
from streamroute.publishing.event_delay import duration_seconds
from streamroute.publishing.event_writer import EventWriter
from streamroute.publishing.own_loop import OwnLoop
from streamroute.publishing.publish_methods import PublishMethods
from streamroute.publishing.settings import load_settings

if TYPE_CHECKING:
    from streamroute.adapters.stream.publishers import RedisClient


class Publisher(PublishMethods):
    """Publishes events to the streams of a configuration, by their codecs.

    ``config``
        the path of routes.yaml, or its folder.
    ``client``
        a ``redis.asyncio.Redis`` of the caller, who closes it; by default a connection to the
        configuration's ``redis.url`` is opened.
    ``url``
        the URL of another server than the configuration's. With it, or with a client, the variables of
        ``redis.url`` may be unset.
    ``embedded``
        whether the embedded server may be used.
    ``allow_outside``
        whether files outside the configuration's folder are read.
    ``id_ttl``
        for how long the ``id`` of an event is remembered: seconds, or a duration such as ``"7d"``.

    Opening it reads the configuration and connects. No handler is imported; a codec of the user is. May be
    used by any number of tasks of one event loop.

    >>> async with Publisher("routes.yaml") as publisher:  # doctest: +SKIP
    ...     await publisher.publish("bot_events", "booking.confirmed", {"nights": 3})
    """

    def __init__(
        self,
        config: str | Path = "routes.yaml",
        *,
        client: RedisClient | None = None,
        url: str | None = None,
        embedded: bool = True,
        allow_outside: bool = False,
        id_ttl: float | str = "1d",
    ) -> None:
        if client is not None and url is not None:
            raise SetupError("pass a client or a url, not both")
        self._config = config
        self._client = client
        self._url = url
        self._embedded = embedded
        self._outside = allow_outside
        self._id_ttl = duration_seconds(id_ttl)
        self._stack = AsyncExitStack()
        self._writer: EventWriter | None = None
        self._loop: OwnLoop | None = None

    async def open(self) -> None:
        """Read the configuration and connect; ``async with`` does so.

        Raises ConfigError for a configuration with errors, SetupError for a client or a URL that cannot be
        used, and RedisUnavailableError if Redis does not answer.
        """
        if self._writer is not None:
            raise SetupError("the publisher is open already")
        needs_server = self._client is None and self._url is None
        settings = load_settings(self._config, outside=self._outside, needs_server=needs_server)
        async with AsyncExitStack() as stack:
            opened = connected(settings.document, client=self._client, url=self._url, embedded=self._embedded)
            redis = await stack.enter_async_context(opened)
            self._writer = EventWriter(redis, settings, id_ttl=self._id_ttl)
            self._loop = OwnLoop("the publisher")
            self._stack = stack.pop_all()

    async def close(self) -> None:
        """Close what ``open`` has opened; does nothing if it is not open."""
        self._writer = None
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    def _event_writer(self) -> EventWriter:
        if self._writer is None or self._loop is None:
            raise SetupError("the publisher is not open; use `async with Publisher(...)`")
        self._loop.require()
        return self._writer
