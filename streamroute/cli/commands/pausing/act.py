"""Runs ``pause`` or ``resume`` on what the command line names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import click

from streamroute.cli.arguments.options import ACTOR, CONFIG_OPTIONS, combined
from streamroute.cli.arguments.paths import config_path
from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.output.logging import set_up_logging
from streamroute.services.server_connection import open_server
from streamroute.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document
    from streamroute.ops.audit import Audit
    from streamroute.ops.pauses.actions import PauseChange
    from streamroute.ops.pauses.targets import PauseTarget

    Act = Callable[[RedisConnection, Audit, list[PauseTarget]], Awaitable[list[PauseChange]]]

TARGET_OPTIONS: Final = combined(
    CONFIG_OPTIONS,
    click.argument("route", required=False),
    click.option(
        "--stream", metavar="NAME", help="The whole stream; with a route, the route in this stream only."
    ),
    ACTOR,
)
"""``config``, ``no_embedded``, ``output_format``, ``route``, ``stream`` and ``who``."""


def act_on_targets(
    config: str | None,
    route: str | None,
    stream: str | None,
    who: str | None,
    act: Act,
    *,
    embedded: bool,
    is_pause: bool,
) -> list[PauseChange]:
    """Act on the named route or stream; raises click.UsageError for a name that cannot be acted on."""
    from streamroute.cli.arguments.config import load_or_exit

    if route is None and stream is None:
        raise click.UsageError("name a route, or a whole stream with --stream")
    set_up_logging("text", "warning")
    document = load_or_exit(config_path(config), imports=False).document
    targets = _targets(document, route, stream, is_pause=is_pause)
    return asyncio.run(_act(document, targets, who, act, embedded=embedded))


async def _act(
    document: Document, targets: list[PauseTarget], who: str | None, act: Act, *, embedded: bool
) -> list[PauseChange]:
    from streamroute.ops.audit import Audit, actor

    async with open_server(document, embedded=embedded, create=False) as redis:
        return await act(redis, Audit(redis, actor(who)), targets)


def _targets(
    document: Document, route: str | None, stream: str | None, *, is_pause: bool
) -> list[PauseTarget]:
    from streamroute.ops.pauses.targets import route_targets, stream_target
    from streamroute.ops.served_routes import why_not_served

    config = None if stream is None else stream_named(document.streams, stream)
    if route is None:
        assert config is not None  # noqa: S101 - one of them is given
        return [stream_target(config)]
    current = {old: known.name for known in document.routes for old in known.formerly}
    name = route if any(known.name == route for known in document.routes) else current.get(route, route)
    refusal = why_not_served(document, name) if is_pause else None
    if refusal is not None:
        suggestion = did_you_mean(name, [known.name for known in document.routes])
        hint = f'; did you mean "{suggestion}"?' if suggestion and suggestion != name else ""
        raise click.UsageError(f"{refusal}{hint}")
    targets = route_targets(document, name, stream)
    if not targets:
        raise click.UsageError(f'the route "{name}" does not consume the stream "{stream}"')
    return targets
