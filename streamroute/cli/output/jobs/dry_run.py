"""What a replay or a paced retry would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from streamroute.adapters.jobs.job import Job
from streamroute.cli.output.jobs.progress import counts_text
from streamroute.cli.output.streams import echo, printable, write_json
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.ops.replay.entry_choice import ReplayCount
    from streamroute.ops.replay.selection import ReplaySelection


def print_dry_run(count: ReplayCount, selection: ReplaySelection, output_format: str) -> None:
    """Print how many entries a replay would look at and queue, in all and for each route."""
    if output_format == "json":
        write_json(
            {
                "dry_run": True,
                "stream": selection.stream,
                "selection": selection.pack(),
                "counts": dict(count.counts),
                "routes": {route: count.routes[route] for route in selection.routes},
            }
        )
        return
    echo(f"would look at {counts_text(Job(id='', kind='', counts=count.counts))}")
    for route in selection.routes:
        echo(f"  {printable(route)}  {count.routes[route]:,}")


def print_letter_counts(counts: Mapping[str, int], output_format: str, *, dry_run: bool) -> None:
    """Print how many dead letters a paced retry would retry, by stream."""
    if output_format == "json":
        write_json({"dry_run": dry_run, "letters": sum(counts.values()), "streams": dict(counts)})
        return
    echo(
        f"{pluralize(sum(counts.values()), 'dead letter')} would be retried" if counts else "no dead letters"
    )
    for stream, count in counts.items():
        echo(f"  {printable(stream)}  {count:,}")
