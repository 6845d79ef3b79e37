"""Runs the selected route tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from streamroute.adapters.codecs.builtin import CODEC_NAMES
from streamroute.cli.arguments.config import UsableConfig, check_or_exit, load_or_exit
from streamroute.cli.arguments.paths import NAME, config_path
from streamroute.cli.output.route_tests.result import RouteTestRun
from streamroute.config.files.includes import TEST_SUFFIX
from streamroute.config.paths import file_problem
from streamroute.config.root_file import find_root
from streamroute.config.route_tests import EntryReference, RouteTest
from streamroute.ops.route_tests.coverage import coverage
from streamroute.ops.route_tests.runner import MessageError, Outcome, ReadEntry, run_tests
from streamroute.services.server_connection import open_server


@dataclass(frozen=True, slots=True)
class RouteTestSelection:
    """The selected tests: a configuration and some of its test files (None: all)."""

    root: Path
    files: frozenset[Path] | None = None

    def holds(self, file: str) -> bool:
        """Whether a file is a selected test file."""
        if not file.endswith(TEST_SUFFIX):
            return False
        return self.files is None or Path(file).resolve() in self.files


@dataclass(frozen=True, slots=True)
class EntryAccess:
    """How to read the entries that tests refer to: whether to use a server, and the project's codecs."""

    redis: bool = False
    imports: bool = False
    embedded: bool = True

    def refusal(self, reference: EntryReference, codec: str | None) -> str:
        """Return why an entry is not read, or an empty string.

        ``codec`` is that of its stream; None if the stream does not exist.
        """
        name = f'the entry {reference.id} of "{reference.stream}" was not read'
        if not self.redis:
            return f"{name}: run the tests with --redis, which connects to the server of redis.url"
        if codec is not None and codec not in CODEC_NAMES and not self.imports:
            return f'{name}: run the tests with --import, which runs the project\'s codec "{codec}"'
        return ""


def select_tests(paths: Sequence[str]) -> list[RouteTestSelection]:
    """Return the tests of the paths: configurations, or test files beside a configuration.

    Raises click.UsageError for a path that does not exist.
    """
    tests = [Path(path) for path in paths if path.endswith(TEST_SUFFIX)]
    configs = [path for path in paths if not path.endswith(TEST_SUFFIX)]
    for path in tests:
        reason = file_problem(path)
        if reason:
            raise click.UsageError(f"{path} {reason}")
    configs_beside = [str(path.parent / NAME) for path in tests]
    named: Sequence[str | None] = configs or configs_beside or [None]
    roots = {root.resolve(): root for root in (find_root(config_path(path)) for path in named)}
    files = frozenset(path.resolve() for path in tests) or None
    return [RouteTestSelection(root, files) for root in roots.values()]


def run(selection: RouteTestSelection, reading: EntryAccess, *, for_people: bool = True) -> RouteTestRun:
    """Run the selected tests; no handler runs, and entries are read only as ``reading`` allows.

    Exits with 1 if the configuration has errors, which ``check_or_exit`` prints.
    """
    loaded = check_or_exit(selection.root, tests=True, for_people=for_people)
    tests = [test for test in loaded.checked.tests if selection.holds(test.location.source.path)]
    findings = [finding for finding in loaded.checked.findings if selection.holds(finding.file)]
    if reading.redis and reading.imports and _needs_imports(loaded, tests):
        loaded = load_or_exit(selection.root)
    outcomes = asyncio.run(_outcomes(loaded, tests, reading))
    decisions = (decision for outcome in outcomes for decision in outcome.decisions)
    reached = coverage(loaded.routes, decisions)
    return RouteTestRun(selection.root, outcomes, reached, findings, loaded.checked.sources)


def _entries(tests: Iterable[RouteTest]) -> list[EntryReference]:
    return [test.message for test in tests if isinstance(test.message, EntryReference)]


def _needs_imports(loaded: UsableConfig, tests: Iterable[RouteTest]) -> bool:
    """Whether an entry must be decoded by a user's codec."""
    streams = {entry.stream for entry in _entries(tests)}
    codecs = {stream.codec for name, stream in loaded.document.streams.items() if name in streams}
    return not codecs <= set(CODEC_NAMES)


async def _outcomes(loaded: UsableConfig, tests: Sequence[RouteTest], reading: EntryAccess) -> list[Outcome]:
    async with AsyncExitStack() as stack:
        entries, streams = _entries(tests), loaded.document.streams
        codecs = {entry: getattr(streams.get(entry.stream), "codec", None) for entry in entries}
        refusals = {entry: reading.refusal(entry, codec) for entry, codec in codecs.items()}
        read: ReadEntry | None = None
        if not all(refusals.values()):
            read = await _reader(loaded, stack, embedded=reading.embedded)

        async def read_entry(reference: EntryReference) -> Mapping[str, Any]:
            if refusals[reference] or read is None:
                raise MessageError(refusals[reference])
            return await read(reference)

        return await run_tests(loaded.compiled, tests, read_entry)


async def _reader(loaded: UsableConfig, stack: AsyncExitStack, *, embedded: bool) -> ReadEntry:
    from streamroute.ops.route_tests.entry_source import StoredEntryReader

    opened = open_server(loaded.document, embedded=embedded, create=False)
    redis = await stack.enter_async_context(opened)
    return StoredEntryReader(redis, loaded.compiled)
