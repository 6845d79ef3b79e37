"""A stream's pipeline: everything that one configuration contributes to processing one stream's entries.

An entry is decoded, validated and dispatched by the same pipeline. A pipeline is immutable: a new
configuration gets a new pipeline, while the consumer keeps running.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamroute.core.dispatcher import BotRedisDispatcher

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.compiler.compiled import Compiled
    from streamroute.compiler.validation.data_check import Check
    from streamroute.config.document import Document, StreamConfig
    from streamroute.core.observer import Observer
    from streamroute.core.router import RedisRouter


@dataclass(frozen=True, slots=True)
class Pipeline:
    """How entries of one stream are decoded, validated and handled.

    ``generation`` identifies the configuration in dead letters. ``checks`` validate message data, by type.
    """

    generation: str
    document: Document
    dispatcher: BotRedisDispatcher
    codec: Codec | str
    checks: Mapping[str, Check]
    container: Any

    @property
    def decoder(self) -> Codec | str:
        """The codec with the checks: an invalid entry is dead-lettered before it reaches any route."""
        if not self.checks:
            return self.codec
        from streamroute.adapters.codecs.builtin import codec_named
        from streamroute.adapters.codecs.validating import ValidatingCodec

        codec = codec_named(self.codec) if isinstance(self.codec, str) else self.codec
        return ValidatingCodec(codec, self.checks)


def build_pipeline(
    stream: StreamConfig,
    compiled: Compiled,
    routers: Iterable[RedisRouter],
    container: Any,
    observer: Observer,
) -> Pipeline:
    """Build the pipeline of a stream, ready to dispatch."""
    dispatcher = BotRedisDispatcher(
        retry=stream.retry, unknown_type=stream.unknown_type, group_name=stream.group, observer=observer
    )
    for router in routers:
        dispatcher.include_router(router)
    dispatcher.setup(container)
    return Pipeline(
        generation=compiled.document.generation,
        document=compiled.document,
        dispatcher=dispatcher,
        codec=compiled.codecs.get(stream.name, stream.codec),
        checks=compiled.checks(stream.name),
        container=container,
    )
