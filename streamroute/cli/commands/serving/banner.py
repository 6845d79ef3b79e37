"""The log lines at the start of ``serve``: the configuration, the server, the routes of each stream."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document, RouteConfig

log = logging.getLogger(__name__)

_MAX_NAMES: Final = 20  # routes of a stream


def log_banner(document: Document, redis: RedisConnection) -> None:
    """Log the configuration, the server, and the routes of each stream."""
    log.info("serving %s from %s", document.path, redis.address)
    log.info("this is generation %s", document.generation)
    if redis.address.is_embedded:
        folder = redis.address if redis.address.written else redis.address.data_folder
        log.warning("using an embedded server, which is for development; its data is in %s", folder)
    for stream in document.streams.values():
        names = [_name(route) for route in document.served(stream.name)]
        log.info("stream %s, group %s: %s", stream.name, stream.display("group"), _routes(names))
        shadows = [route.name for route in document.shadows(stream.name)]
        if shadows and names:
            log.info("stream %s, shadows: %s", stream.name, _routes(shadows))


def _name(route: RouteConfig) -> str:
    """Return a route's name, and of a canary its share."""
    if route.canary is None:
        return route.name
    return f"{route.name} ({route.canary.percent:g}% of {route.instead_of})"


def _routes(names: list[str]) -> str:
    if not names:
        return "no routes, not consumed"
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f"{pluralize(len(names), 'route')}: {', '.join(names[:_MAX_NAMES])}{more}"
