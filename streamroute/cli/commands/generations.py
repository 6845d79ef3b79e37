"""``streamroute generations``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from streamroute.cli.arguments.path_options import PATH
from streamroute.cli.arguments.state_dir import STATE_DIR, root_path, stored_generations
from streamroute.cli.output.logging import echo_error
from streamroute.cli.output.streams import echo, write_json
from streamroute.cli.process.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamroute.ops.generations.stored_generation import StoredGeneration

_PATIENCE: Final = 5.0  # seconds for each process to answer


@click.command(name="generations")
@click.argument("config", required=False, type=PATH)
@STATE_DIR
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output format.",
)
def command(config: str | None, state_dir: str | None, output_format: str) -> int:
    """List the generations of CONFIG that ran last, the latest first.

    A generation is the configuration with all its files, named after a hash of their
    content. "serve" keeps the last ten in the state folder. The current one is the
    latest, or each that runs in a "serve" of this user.

    \b
    Go back to an earlier one:
      streamroute rollback HASH
    """
    from streamroute.ops.reload.control.client import running_generations

    store = stored_generations(config, state_dir, own_only=True)
    listing = store.list()
    running = running_generations(store.folder.parent, store.root or "", _PATIENCE)
    for problem in listing.problems:
        echo_error(problem)
    if output_format == "json":
        write_json(
            [
                each.as_dict(
                    is_current=each.generation in running if running else not at,
                    processes=running.get(each.generation, ()),
                )
                for at, each in enumerate(listing.generations)
            ]
        )
    elif listing.generations:
        echo(_table(listing.generations, running))
    else:
        echo(f"no generation of {root_path(config)} is stored")
    return ExitCode.OK


def _table(generations: Sequence[StoredGeneration], running: Mapping[str, Sequence[int]]) -> str:
    from streamroute.cli.output.layout import OutputLayout
    from streamroute.cli.output.table import table
    from streamroute.cli.output.tables.column import Column, Fit

    columns = (
        Column("generation"),
        Column("since", Fit.TIME, rank=1),
        Column("current", Fit.TEXT),
        Column("changes", Fit.TEXT),
    )
    rows = [
        (each.generation, _time(each), _current(each, running, is_latest=not at), _changes(each))
        for at, each in enumerate(generations)
    ]
    return table(columns, rows, OutputLayout.of(sys.stdout))


def _current(stored: StoredGeneration, running: Mapping[str, Sequence[int]], *, is_latest: bool) -> str:
    """Return whether a generation is current: the processes that run it, if any process answers."""
    if not running:
        return "yes" if is_latest else "-"
    processes = running.get(stored.generation, ())
    return f"process {', '.join(map(str, processes))}" if processes else "-"


def _changes(stored: StoredGeneration) -> str:
    return "-" if stored.changes is None else str(stored.changes)


def _time(stored: StoredGeneration) -> str:
    return stored.time.isoformat(timespec="seconds")
