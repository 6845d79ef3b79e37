"""``streamroute resume``: end the pause of a route or a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from streamroute.cli.arguments.options import reason_option
from streamroute.cli.commands.pausing.act import TARGET_OPTIONS, act_on_targets
from streamroute.cli.process.exit_codes import ExitCode

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.ops.audit import Audit
    from streamroute.ops.pauses.actions import PauseChange
    from streamroute.ops.pauses.targets import PauseTarget


@click.command(name="resume")
@TARGET_OPTIONS
@reason_option()
def command(
    config: str | None,
    no_embedded: bool,
    output_format: str,
    route: str | None,
    stream: str | None,
    who: str | None,
    reason: str,
) -> int:
    """Resume a paused route or stream, in all workers.

    Parked messages return in their order, a hundred at a time; in a stream that keeps its
    order, new ones wait behind them. It also closes the circuit of a route. A removed route
    is resumed under the name with which it was paused. Exits with 1 if nothing was paused.

    \b
    Examples:
      streamroute resume charge-card
      streamroute resume --stream bot_events
    """
    from streamroute.cli.output.pauses.report import print_changes

    async def act(redis: RedisConnection, audit: Audit, targets: list[PauseTarget]) -> list[PauseChange]:
        from streamroute.ops.pauses.actions import resume

        return await resume(redis, audit, targets, reason)

    changes = act_on_targets(config, route, stream, who, act, embedded=not no_embedded, is_pause=False)
    print_changes(changes, output_format)
    return ExitCode.OK if any(change.before is not None for change in changes) else ExitCode.FOUND
