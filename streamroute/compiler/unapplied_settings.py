"""The settings of a configuration that routers alone do not apply."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from streamroute.config.document import Document

log = logging.getLogger(__name__)

_OF_CONSUMERS: Final = (
    *("group", "formerly_group", "codec", "concurrency", "lease", "stall", "claim_interval"),
    *("max_deliveries", "grace", "on_stuck", "dead_letter", "unknown_type", "trim", "order_by"),
)
_LONGEST: Final = 200  # characters of a list of names


def log_unapplied(document: Document) -> None:
    """Log each setting that the caller has to pass on, once, and warn of those that nobody can pass on."""
    for setting, names in _passed_on(document):
        log.info(
            "compile_routes does not apply %s of %s (%s): pass it to the storage, the processor or the "
            "dispatcher; streamroute.open applies it",
            *(setting, document.path, _list_of(names)),
        )
    for setting, names in _lost(document):
        log.warning(
            "compile_routes cannot apply %s of %s (%s): streamroute.open and serve do",
            *(setting, document.path, _list_of(names)),
        )


def _passed_on(document: Document) -> Iterator[tuple[str, Sequence[str]]]:
    served = [stream for stream in document.streams.values() if document.served(stream.name)]
    for key in _OF_CONSUMERS:
        names = [stream.name for stream in served if document.location_of(stream, key).value(key) is not None]
        if names:
            yield f'"{key}"', names
    if document.container is not None:
        yield '"container"', [document.container]


def _lost(document: Document) -> Iterator[tuple[str, Sequence[str]]]:
    live = [route for route in document.routes if route.is_live]
    pausing = [route.name for route in live if route.pause_when is not None]
    pausing += [stream.name for stream in document.streams.values() if stream.pause_when is not None]
    found = {
        '"pause_when"': pausing,
        '"stop_at"': [route.name for route in live if route.canary is not None and route.canary.stop_at],
        '"shadow"': [route.name for route in document.routes if route.shadow and route.enabled],
        '"redact"': document.redact,
    }
    return ((setting, names) for setting, names in found.items() if names)


def _list_of(names: Sequence[str]) -> str:
    return clip(", ".join(dict.fromkeys(names)), _LONGEST)
