"""``streamroute dead groups``, ``resolve`` and ``reopen``: dead letters as failures to be repaired."""

from __future__ import annotations

import click

from streamroute.cli.arguments.options import ACTOR, CONFIG_OPTIONS, reason_option
from streamroute.cli.commands.dead_letters.known_names import require_known_groups
from streamroute.cli.commands.dead_letters.session import DeadLetterSession, Work, run_session
from streamroute.cli.process.exit_codes import ExitCode


@click.command(name="groups", short_help="Show dead letters as groups of failures.")
@CONFIG_OPTIONS
@click.argument("group", required=False, metavar="[GROUP]")
@click.option("--stream", "streams", multiple=True, metavar="NAME", help="Only groups of this stream.")
@click.option("--rebuild", is_flag=True, help="Count all dead letters again.")
def show_groups(
    config: str | None,
    no_embedded: bool,
    output_format: str,
    group: str | None,
    streams: tuple[str, ...],
    rebuild: bool,
) -> int:
    """Show dead letters as groups of failures, the newest first; or one group in full.

    Dead letters of one group failed in the same route, with the same class of error, in the
    same place of your code, with the same message apart from numbers, ids and quoted text. A
    group is open, resolved, or came back after it was resolved.

    \b
    Examples:
      streamroute dead groups
      streamroute dead groups 3f2a9c01be
      streamroute dead retry --group 3f2a9c01be --dry-run
    """
    from streamroute.cli.output.dead_letters.groups import print_group, print_groups

    async def work(session: DeadLetterSession) -> int:
        report = await session.groups(streams, rebuild=rebuild)
        if group is None:
            print_groups(report, output_format)
            return ExitCode.OK
        require_known_groups(report, [group])
        for row in report.of(group):
            print_group(row, report.now, output_format)
        return ExitCode.OK

    return run_session(config, work, embedded=not no_embedded, streams=streams)


@click.command(name="resolve", short_help="Mark groups as resolved.")
@CONFIG_OPTIONS
@click.argument("groups", nargs=-1, required=True, metavar="GROUP...")
@reason_option("What was done about the failure.")
@ACTOR
def resolve_groups(
    config: str | None,
    no_embedded: bool,
    output_format: str,
    groups: tuple[str, ...],
    reason: str,
    who: str | None,
) -> int:
    """Mark groups of dead letters as resolved; their dead letters stay.

    If another dead letter of the group arrives, the worker logs that the failure came back,
    counts it in streamroute_failures_returned_total, and the group's state is `came back`.
    """
    mark = _marker(groups, output_format, who, resolved=True, reason=reason)
    return run_session(config, mark, embedded=not no_embedded)


@click.command(name="reopen", short_help="Mark resolved groups as open again.")
@CONFIG_OPTIONS
@click.argument("groups", nargs=-1, required=True, metavar="GROUP...")
@ACTOR
def reopen_groups(
    config: str | None, no_embedded: bool, output_format: str, groups: tuple[str, ...], who: str | None
) -> int:
    """Mark groups of dead letters as open again."""
    mark = _marker(groups, output_format, who, resolved=False)
    return run_session(config, mark, embedded=not no_embedded)


def _marker(
    signatures: tuple[str, ...], output_format: str, who: str | None, *, resolved: bool, reason: str = ""
) -> Work:
    async def work(session: DeadLetterSession) -> int:
        from streamroute.cli.output.dead_letters.groups import print_marked
        from streamroute.ops.dead_letters.groups import mark_groups

        report = await session.groups()
        require_known_groups(report, signatures)
        rows = [row for row in report.groups if row.group.signature in signatures]
        for row in rows:
            if not row.group.is_one_failure:
                raise click.UsageError(f"{row.group.signature} is not one failure, and cannot be resolved")
        audit = session.audit(who)
        marked = await mark_groups(session.redis, rows, audit, resolved=resolved, reason=reason)
        print_marked(marked, "resolved" if resolved else "reopened", output_format)
        return ExitCode.OK

    return work
