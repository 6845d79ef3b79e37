"""``streamroute test --init``: creates a test file beside the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from streamroute.cli.arguments.config import check_or_exit
from streamroute.cli.arguments.event_files import display_name, read_events
from streamroute.cli.arguments.paths import config_path
from streamroute.cli.commands.testing.run import EntryAccess, RouteTestSelection, run
from streamroute.cli.output.streams import echo
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.cli.process.files import create, is_taken
from streamroute.cli.process.time_limit import SECONDS, time_limit
from streamroute.config.files.includes import TEST_SUFFIX
from streamroute.config.json_schema import TESTS, schema_text
from streamroute.config.root_file import find_root
from streamroute.ops.route_tests.generator import examples, to_yaml
from streamroute.system.files import MAX_TOTAL
from streamroute.text.counted import pluralize


def write_first(paths: Sequence[str], events: str) -> int:
    """Write tests of one configuration from a file of events (``-`` is stdin); overwrites nothing."""
    if len(paths) > 1:
        raise click.UsageError("--init accepts only one configuration")
    root = find_root(config_path(paths[0] if paths else None))
    target = root.with_name(f"{root.stem}{TEST_SUFFIX}")
    if is_taken(target):
        echo(f"nothing was written: {target} already exists", err=True)
        return ExitCode.FOUND
    lines = read_events(events, MAX_TOTAL).split(b"\n")
    with time_limit(SECONDS, root, "full"):
        tests, count = examples(check_or_exit(root).compiled, lines, display_name(events))
        text = to_yaml(tests).encode()
    if not tests:
        echo(f"nothing was written: {events} has no events", err=True)
        return ExitCode.FOUND
    create(target, text, target.parent)
    _write_schema(root.with_name(TESTS))
    message = f"wrote {target}: {pluralize(len(tests), 'test')} from {pluralize(count, 'event')}"
    with time_limit(SECONDS, root, "full"):
        coverage = _coverage(root, target)
    echo(f"{message}, {coverage}")
    return ExitCode.OK


def _write_schema(path: Path) -> None:
    """Write the JSON Schema that the first line of the test file refers to, for editors."""
    if not is_taken(path):
        create(path, schema_text(TESTS).encode(), path.parent)
        echo(f"wrote {path}")


def _coverage(root: Path, target: Path) -> str:
    seen = run(RouteTestSelection(root, frozenset({target.resolve()})), EntryAccess()).coverage
    return f"{seen.percent:.1f}% coverage"
