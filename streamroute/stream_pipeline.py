"""A stream's pipeline: everything that one configuration contributes to processing one stream's entries.

An entry is validated when it is started, and by the pipeline whose routes it takes. A pipeline is immutable:
a new configuration gets a new pipeline, while the consumer keeps running.
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
    from streamroute.core.consume.entry_lifecycle import MessageCallback
    from streamroute.core.observer import Observer
    from streamroute.core.router import RedisRouter


@dataclass(frozen=True, slots=True)
class Pipeline:
    """How entries of one stream are decoded, validated and handled.

    ``generation`` identifies the configuration in dead letters. ``checks`` validate message data, by type.
    ``process_message`` validates and dispatches one message: without checks it is the dispatcher's own.
    """

    generation: str
    document: Document
    dispatcher: BotRedisDispatcher
    codec: Codec | str
    checks: Mapping[str, Check]
    container: Any
    process_message: MessageCallback


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
    codec, checks = compiled.codecs.get(stream.name, stream.codec), compiled.checks(stream.name)
    return Pipeline(
        generation=compiled.document.generation,
        document=compiled.document,
        dispatcher=dispatcher,
        codec=codec,
        checks=checks,
        container=container,
        process_message=_process_message(dispatcher, codec, checks, observer),
    )


def _process_message(
    dispatcher: BotRedisDispatcher, codec: Codec | str, checks: Mapping[str, Check], observer: Observer
) -> MessageCallback:
    if not checks:
        return dispatcher.process_message
    from streamroute.compiler.runtime.data_validation import DataValidator
    from streamroute.compiler.runtime.validating_dispatcher import ValidatingDispatcher

    return ValidatingDispatcher(dispatcher, DataValidator(checks, codec), observer).process_message
