"""The app of a configuration on an in-memory server: container, pipelines, consumers."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from streamroute.compiler.runtime.thread_pool import handler_threads
from streamroute.handlers.webhooks import webhook_connections
from streamroute.services.generation import Generation, open_generation, served_streams
from streamroute.services.service import Service
from streamroute.testing.memory_services import MemoryServiceBuilder

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled


class MemoryApp:
    """Runs the consumers of a checked configuration on the server of ``builder``.

    ``container`` replaces that of the configuration, and is not closed (None: it does not).
    """

    def __init__(self, builder: MemoryServiceBuilder, compiled: Compiled, container: Any = None) -> None:
        self.services: dict[str, Service] = {}
        self._builder = builder
        if container is not None:
            compiled = compiled.with_container(container)
        self._compiled = compiled
        self._generation: Generation | None = None
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """Open the container and build the pipelines. Raises SetupError if the container cannot be opened."""
        document = self._compiled.document
        self._stack.enter_context(
            handler_threads(sum(stream.concurrency for stream in served_streams(document)))
        )
        await self._stack.enter_async_context(webhook_connections())
        self._generation = await open_generation(self._builder, document, self._compiled)
        pipelines = self._generation.pipelines
        self.services = {name: self._builder.build(pipeline) for name, pipeline in pipelines.items()}

    async def start(self) -> None:
        """Start all consumers."""
        for service in self.services.values():
            await service.processor.start_listening()

    async def stop(self) -> None:
        """Drain all consumers; each lets running handlers finish within its grace period."""
        for service in self.services.values():
            await service.processor.stop_listening()

    async def close(self) -> None:
        """Close the container. Raises SetupError if it cannot be closed."""
        try:
            if self._generation is not None:
                await self._generation.container.close()
        finally:
            await self._stack.aclose()
