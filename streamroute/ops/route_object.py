"""A route as an object for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamroute.config.findings.quoting import hide_secrets

if TYPE_CHECKING:
    from streamroute.config.document import RouteConfig


def route_object(route: RouteConfig) -> dict[str, Any]:
    """Return a route, without secrets in its arguments."""
    return {
        "name": route.name,
        "streams": list(route.streams),
        "types": list(route.types),
        "filter": route.filter,
        "handler": route.handler,
        "with": without_secrets(route.arguments),
        "enabled": route.enabled,
        "shadow": route.shadow,
        "canary": _canary(route),
        "instead_of": route.instead_of,
        "pause_when": None if route.pause_when is None else str(route.pause_when),
        "description": route.description,
        "tags": list(route.tags),
        "timeout": route.timeout,
        "file": route.location.source.path,
        "line": route.line,
    }


def _canary(route: RouteConfig) -> dict[str, Any] | None:
    """Return the share of a canary; the limits of ``stop_at`` are percentages."""
    if route.canary is None:
        return None
    stop_at = None if route.canary.stop_at is None else route.canary.stop_at._asdict()
    return {"percent": route.canary.percent, "key": route.canary.key, "stop_at": stop_at}


def without_secrets(value: Any, *, are_secret: bool = False) -> Any:
    """Return arguments as configured, without passwords in URLs and values of headers."""
    if isinstance(value, str):
        return "*" * len(value) if are_secret else hide_secrets(value)
    if isinstance(value, Mapping):
        return {
            key: without_secrets(
                item, are_secret=are_secret or key == "headers" or "password" in str(key).lower()
            )
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_secrets(item, are_secret=are_secret) for item in value]
    return value
