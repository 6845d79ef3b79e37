"""A generation: one whole configuration that runs, with its container and a pipeline for each stream."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from streamroute.compiler.checked_route import RuntimeContext
from streamroute.compiler.runtime.container_task import ContainerTask
from streamroute.stream_pipeline import Pipeline, build_pipeline
from streamroute.system.background import background_thread

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.document import Document, StreamConfig
    from streamroute.services.service import ServiceFactory


class ContainerLimits(NamedTuple):
    """Limits for opening or closing a container, in seconds: see ``ContainerTask``."""

    patience: float | None = None
    blocking: float | None = None


NO_LIMITS = ContainerLimits()


@dataclass(frozen=True, eq=False)
class Generation:
    """One configuration that runs; ``pipelines`` are those of its served streams.

    ``name`` identifies it in logs, dead letters and metrics.
    """

    name: str
    document: Document
    pipelines: Mapping[str, Pipeline]
    container: ContainerTask


def served_streams(document: Document) -> list[StreamConfig]:
    """Return the streams with live routes; the others are not consumed."""
    return [stream for stream in document.streams.values() if document.served(stream.name)]


async def open_generation(
    builder: ServiceFactory, document: Document, compiled: Compiled, limits: ContainerLimits = NO_LIMITS
) -> Generation:
    """Open the container of a configuration, and build its pipelines; nothing uses them yet.

    Raises SetupError if the container cannot be opened.
    """
    container = ContainerTask(compiled.container, document.container or "")
    value = await container.open(**limits._asdict())
    try:
        # In a thread: ten thousand routes would block the event loop.
        pipelines = await _in_own_thread(_build_pipelines, builder, document, compiled, value)
    except BaseException:
        await container.close(**limits._asdict())
        raise
    return Generation(document.generation, document, pipelines, container)


def _build_pipelines(
    builder: ServiceFactory, document: Document, compiled: Compiled, container: Any
) -> dict[str, Pipeline]:
    resources = {"publishers": builder.publishers(compiled.codecs_by_stream)}
    routers = compiled.routers_in(RuntimeContext(resources, validated=True, tracing=builder.tracing))
    return {
        stream.name: build_pipeline(
            *(stream, compiled, routers[stream.name], container, builder.observer, builder.incidents),
            builder.tracing,
            builder.recorder(stream.name),
        )
        for stream in served_streams(document)
    }


async def _in_own_thread(function: Any, *arguments: Any) -> Any:
    """Call a function in a new thread: handlers may occupy all threads of the loop's executor."""
    executor = ThreadPoolExecutor(1, thread_name_prefix="streamroute-build")
    try:
        with background_thread():
            return await asyncio.get_running_loop().run_in_executor(executor, function, *arguments)
    finally:
        executor.shutdown(wait=False)
