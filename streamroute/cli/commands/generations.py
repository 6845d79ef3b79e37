"""``streamroute generations``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from streamroute.cli.arguments.paths import PATH
from streamroute.cli.arguments.state_dir import STATE_DIR, root_path, stored_generations
from streamroute.cli.output.logging import echo_error
from streamroute.cli.output.streams import echo, write_json
from streamroute.cli.process.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamroute.ops.generations.stored_generation import StoredGeneration


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
    """List the generations of CONFIG that ran last, the current one first.

    A generation is the configuration with all its files, named after a hash of their
    content. "serve" keeps the last ten in the state folder.

    \b
    Go back to an earlier one:
      streamroute rollback HASH
    """
    listing = stored_generations(config, state_dir).list()
    for problem in listing.problems:
        echo_error(problem)
    if output_format == "json":
        write_json([_object(each, is_current=not at) for at, each in enumerate(listing.generations)])
    elif listing.generations:
        echo(_table(listing.generations))
    else:
        echo(f"no generation of {root_path(config)} is stored")
    return ExitCode.OK


def _table(generations: Sequence[StoredGeneration]) -> str:
    from streamroute.cli.output.table import table

    rows = [
        (each.generation, _time(each), "-" if at else "yes", _changes(each))
        for at, each in enumerate(generations)
    ]
    return table(("generation", "since", "current", "changes"), rows)


def _changes(stored: StoredGeneration) -> str:
    return "-" if stored.changes is None else str(stored.changes)


def _time(stored: StoredGeneration) -> str:
    return stored.time.isoformat(timespec="seconds")


def _object(stored: StoredGeneration, *, is_current: bool) -> dict[str, Any]:
    return {
        "generation": stored.generation,
        "since": _time(stored),
        "current": is_current,
        "before": stored.before,
        "changes": None if stored.changes is None else asdict(stored.changes),
    }
