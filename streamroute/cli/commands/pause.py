"""``streamroute pause``: pause a route or a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from streamroute.cli.arguments.options import Duration, reason_option
from streamroute.cli.commands.pausing.act import TARGET_OPTIONS, act_on_targets
from streamroute.cli.process.exit_codes import ExitCode

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.ops.audit import Audit
    from streamroute.ops.pauses.actions import PauseChange
    from streamroute.ops.pauses.targets import PauseTarget


@click.command(name="pause")
@TARGET_OPTIONS
@reason_option("Why; others see it in `streamroute paused`.")
@click.option(
    "--for", "seconds", type=Duration(), metavar="TIME", help="Resume by itself after this, e.g. 2h."
)
def command(
    config: str | None,
    no_embedded: bool,
    output_format: str,
    route: str | None,
    stream: str | None,
    who: str | None,
    reason: str,
    seconds: float | None,
) -> int:
    """Pause a route or a whole stream, in all workers.

    Workers see it within about a second; running handlers finish. Messages of a paused
    route are parked in Redis, use no attempt, and return in their order when it is resumed;
    other routes of the message run. A paused stream is not read, and its retries wait.

    \b
    Examples:
      streamroute pause charge-card --reason "the bank is down" --for 2h
      streamroute pause --stream bot_events --reason "migration of the database"
    """
    from streamroute.cli.output.pauses.report import print_changes

    async def act(redis: RedisConnection, audit: Audit, targets: list[PauseTarget]) -> list[PauseChange]:
        from streamroute.ops.pauses.actions import pause

        return await pause(redis, audit, targets, reason, seconds)

    changes = act_on_targets(config, route, stream, who, act, embedded=not no_embedded, is_pause=True)
    print_changes(changes, output_format)
    return ExitCode.OK
