"""``streamroute replay``: old entries run again."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from streamroute.cli.arguments.options import ACTOR, CONFIG_OPTIONS, Rate, reason_option
from streamroute.cli.arguments.paths import config_path
from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.arguments.stream_time import StreamTimeParam
from streamroute.cli.commands.dead_letters.known_names import route_named
from streamroute.cli.commands.running_jobs.stream_codec import require_codec
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.output.streams import confirm, echo
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.services.server_connection import open_server

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.cli.arguments.config import UsableConfig
    from streamroute.ops.replay.plan import ReplayPlan
    from streamroute.ops.replay.selection import ReplaySelection
    from streamroute.ops.stream_times import StreamTime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replay:
    """A replay as the command line states it."""

    selection: ReplaySelection
    start: StreamTime
    end: StreamTime
    rate: float | None
    replay_id: str | None
    who: str | None
    reason: str
    yes: bool
    output_format: str


@click.command(name="replay")
@CONFIG_OPTIONS
@click.argument("stream", required=False)
@click.option(
    "--from", "start", type=StreamTimeParam(), metavar="TIME", help="The first entry: a time, -2h, or an id."
)
@click.option("--to", "end", type=StreamTimeParam(), metavar="TIME", help="The last entry (default: now).")
@click.option("--route", "routes", multiple=True, metavar="NAME", help="Run them in this route (repeatable).")
@click.option(
    "--filter", "expression", metavar="EXPR", help="Only entries that this JMESPath filter accepts."
)
@click.option("--no-filter", is_flag=True, help="Do not evaluate the filters of the routes.")
@click.option("--rate", type=Rate(), metavar="N/s", help="At most so many messages, such as 50/s or 10/m.")
@click.option("--dry-run", is_flag=True, help="Count the entries, without running any.")
@click.option("--id", "replay_id", metavar="ID", help="The replay's id (default: a new one); runs once.")
@click.option("--resume", metavar="ID", help="Go on with a replay that was stopped or interrupted.")
@reason_option()
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--import", "imports", is_flag=True, help="Import the project's own codec of the stream.")
@ACTOR
def command(
    config: str | None, no_embedded: bool, output_format: str, dry_run: bool, imports: bool, **given: Any
) -> int:
    """Run old entries of STREAM again, in chosen routes.

    The entries that the stream still holds are decided as new ones, by type and filter,
    and go through the group's own retries to the routes of --route alone. Their handlers
    see the replay's id as message.replay. A route with dedupe skips what it has already
    run. New messages go first: a replay adds only as much as the workers process in a
    tenth of a second.

    An entry is queued once for each replay id, also if the command is killed and resumed.
    A time without an offset is UTC, and a date is its midnight.

    \b
    Examples:
      streamroute replay bot_events --from -2h --route welcome --dry-run
      streamroute replay bot_events --from 2026-11-27T01:00:00Z \\
        --to 2026-11-27T03:00:00Z --route welcome \\
        --filter "guest.tier == 'gold'" --rate 50/s
      streamroute replay --resume replay-1f2e3d4c
    """
    from streamroute.cli.commands.running_jobs.resume import resume_job
    from streamroute.ops.replay.selection import KIND

    stream, resume = given.pop("stream"), given.pop("resume")
    if resume is not None:
        _require_nothing_else(stream, given)
        return resume_job(
            *(config, resume, given["who"]),
            imports=imports,
            embedded=not no_embedded,
            output_format=output_format,
            kind=KIND,
        )
    return _start(
        config, stream, given, imports=imports, embedded=not no_embedded, dry_run=dry_run, form=output_format
    )


def _require_nothing_else(stream: str | None, given: dict[str, Any]) -> None:
    names = ("start", "end", "routes", "expression", "rate", "replay_id", "no_filter")
    if stream is not None or any(given[name] for name in names):
        raise click.UsageError("--resume goes on with the replay as it was started; leave out what selects")


def _start(
    config: str | None,
    stream: str | None,
    given: dict[str, Any],
    *,
    imports: bool,
    embedded: bool,
    dry_run: bool,
    form: str,
) -> int:
    from streamroute.cli.arguments.config import load_or_exit

    if stream is None or given["start"] is None or not given["routes"]:
        raise click.UsageError("name the STREAM, --from, and at least one --route; or --resume")
    set_up_logging("text", "warning")
    loaded = load_or_exit(config_path(config), imports=imports)
    stream_named(loaded.document.streams, stream)
    require_codec(loaded, stream)
    request = _request(loaded, stream, given, form)

    async def run() -> int:
        from streamroute.ops.replay.plan import plan_replay

        async with open_server(loaded.document, embedded=embedded, create=False) as redis:
            document, places = loaded.document, (request.start, request.end)
            plan = await plan_replay(redis, document, request.selection, *places)
            for note in plan.notes:
                echo(note, err=True)
            return await (_count if dry_run else _run)(redis, loaded, plan, request)

    return asyncio.run(run())


def _request(loaded: UsableConfig, stream: str, given: dict[str, Any], form: str) -> _Replay:
    from streamroute.adapters.entries.record_facts import REPLAY_ID
    from streamroute.ops.replay.selection import ReplaySelection
    from streamroute.ops.stream_times import NOW

    routes = tuple(dict.fromkeys(route_named(loaded.document, name) for name in given["routes"]))
    _require_filter(given["expression"])
    if given["replay_id"] is not None and REPLAY_ID.fullmatch(given["replay_id"]) is None:
        raise click.UsageError("--id: up to 64 letters, digits, points, hyphens and underscores")
    return _Replay(
        selection=ReplaySelection(
            stream=stream,
            routes=routes,
            start="",
            end="",
            filter=given["expression"],
            no_filter=given["no_filter"],
        ),
        start=given["start"],
        end=given["end"] or NOW,
        rate=given["rate"],
        replay_id=given["replay_id"],
        who=given["who"],
        reason=given["reason"],
        yes=given["yes"],
        output_format=form,
    )


def _require_filter(expression: str | None) -> None:
    from streamroute.expressions.filters import compile_filter
    from streamroute.expressions.problem import ExpressionError

    if expression is None:
        return
    try:
        compile_filter(expression)
    except ExpressionError as error:
        raise click.UsageError(f"--filter: {error}") from None


async def _count(redis: RedisConnection, loaded: UsableConfig, plan: ReplayPlan, request: _Replay) -> int:
    from streamroute.cli.output.jobs.dry_run import print_dry_run
    from streamroute.cli.output.streams import progress_bar
    from streamroute.ops.replay.entry_choice import EntryChoice, ReplayCount
    from streamroute.ops.replay.work import count_entries

    count = ReplayCount()
    choice = EntryChoice(loaded.compiled, plan.selection)
    with progress_bar("entries", plan.total) as bar:
        async for verdicts in count_entries(redis, plan.selection, choice):
            count.add(verdicts)
            bar.update(len(verdicts))
    print_dry_run(count, plan.selection, request.output_format)
    return ExitCode.OK


async def _run(redis: RedisConnection, loaded: UsableConfig, plan: ReplayPlan, request: _Replay) -> int:
    from streamroute.cli.commands.running_jobs.foreground import run_in_foreground
    from streamroute.ops.audit import actor
    from streamroute.ops.replay.entry_choice import EntryChoice
    from streamroute.ops.replay.start import create_replay
    from streamroute.ops.replay.work import ReplayWork

    _confirm(plan, request)
    choice = EntryChoice(loaded.compiled, plan.selection)
    held, job = await create_replay(redis, plan, actor(request.who), request.rate, request.replay_id)
    return await run_in_foreground(
        *(redis, plan.keys, held, job, ReplayWork(redis, plan.selection, choice)),
        target=plan.selection.text,
        reason=request.reason,
        output_format=request.output_format,
    )


def _confirm(plan: ReplayPlan, request: _Replay) -> None:
    """Ask before entries run again; raises click.Abort if the answer is no."""
    if request.yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("cannot ask for confirmation without a terminal; add --yes, or try --dry-run")
    routes = ", ".join(plan.selection.routes)
    confirm(
        f"Look at about {plan.total:,} entries of {plan.selection.stream}, to run them again in {routes}?"
    )
