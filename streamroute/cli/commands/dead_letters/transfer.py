"""``streamroute dead export`` and ``dead import``: dead letters as lines of JSON."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from streamroute.cli.arguments.event_files import display_name, open_events
from streamroute.cli.arguments.options import ACTOR, CONFIG_OPTIONS
from streamroute.cli.commands.dead_letters.options import FILTER_OPTIONS, LetterId
from streamroute.cli.commands.dead_letters.session import DeadLetterSession, run_session
from streamroute.cli.output.streams import echo, printable, write_document, write_json
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.ops.dead_letters.transfer.importer import ImportResult


@click.command(name="export", short_help="Write dead letters as lines of JSON.")
@CONFIG_OPTIONS
@click.argument("ids", nargs=-1, type=LetterId(), metavar="[ID]...")
@FILTER_OPTIONS
@click.option("--redact", is_flag=True, help="Leave out what `redact:` hides; not to be imported.")
def export_letters(
    config: str | None, no_embedded: bool, output_format: str, redact: bool, **filters: Any
) -> int:
    """Write dead letters to stdout, one line of JSON each; they stay where they are.

    A line holds the whole entry, byte for byte, also what `redact:` hides from other output.

    \b
    Examples:
      streamroute dead export > letters.jsonl
      streamroute dead export --group 3f2a9c01be --newer 1h > letters.jsonl
    """
    del output_format  # the lines are JSON

    async def work(session: DeadLetterSession) -> int:
        from streamroute.ops.dead_letters.transfer.lines import export_line

        count = 0
        async for page in session.pages():
            lines = [export_line(letter, redact=redact) for letter in page.letters]
            count += len(lines)
            if lines and not write_document("".join(f"{line}\n" for line in lines)):
                return ExitCode.OK  # the reader needs no more
        hidden = ", with the values that redact: hides" if session.document.redact and not redact else ""
        echo(f"{pluralize(count, 'dead letter')} exported{hidden}", err=True)
        return session.exit_code(count)

    return run_session(config, work, embedded=not no_embedded, **filters)


@click.command(name="import", short_help="Read dead letters from an export.")
@CONFIG_OPTIONS
@click.argument("file", metavar="FILE")
@click.option("--redacted", is_flag=True, help="Import letters without their hidden values, too.")
@click.option("--dry-run", is_flag=True, help="Count what would be imported, without doing it.")
@ACTOR
def import_letters(
    config: str | None,
    no_embedded: bool,
    output_format: str,
    file: str,
    redacted: bool,
    dry_run: bool,
    who: str | None,
) -> int:
    """Write the dead letters of an export to their streams (FILE is - for stdin).

    A dead letter that is there, or was imported before and is still there, is not written
    again. A line that cannot be imported is named, and the others are imported.
    """
    with ExitStack() as stack:
        source = open_events(file, stack)

        async def work(session: DeadLetterSession) -> int:
            from streamroute.ops.audit import group_keys
            from streamroute.ops.dead_letters.transfer.importer import LetterImporter
            from streamroute.ops.publish.line_reader import read_lines

            importer = LetterImporter(session.redis, session.query, redacted=redacted, dry_run=dry_run)
            number = 0
            async for lines in read_lines(source):
                for line in lines:
                    number += 1
                    await importer.add(line, f"{display_name(file)}:{number}")
            audit = session.audit(who)
            for stream, count in importer.result.streams.items() if not dry_run else ():
                groups = group_keys(session.document, [stream])
                await audit.write(groups, "dead import", display_name(file), count=count)
            return _report(importer.result, output_format, dry_run=dry_run)

        return run_session(config, work, embedded=not no_embedded)


def _report(result: ImportResult, output_format: str, *, dry_run: bool) -> int:
    if output_format == "json":
        names = ("imported", "present", "damaged", "problems")
        write_json({**{name: getattr(result, name) for name in names}, "dry_run": dry_run})
    else:
        verb = "would be imported" if dry_run else "imported"
        echo(f"{pluralize(result.imported, 'dead letter')} {verb}")
        if result.present:
            echo(f"{pluralize(result.present, 'dead letter')} not {verb}: already there")
        for problem in result.problems:
            echo(f"error: {printable(problem)}", err=True)
        if result.damaged > len(result.problems):
            echo(f"error: and {result.damaged - len(result.problems)} more lines", err=True)
    return ExitCode.FOUND if result.damaged else ExitCode.OK
