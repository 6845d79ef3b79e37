"""``check --watch``: repeats the check when a file that it read changes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import click

from streamroute.cli.arguments.paths import config_path
from streamroute.cli.commands.checking.run import CheckOptions, CheckRun, check
from streamroute.cli.output.findings import summary, truncate_findings
from streamroute.cli.output.formats.rendering import render, write_rendered
from streamroute.cli.output.streams import clear_screen, echo
from streamroute.cli.output.terminal import terminal_width, wants_color
from streamroute.cli.process.exit_codes import ExitCode

INTERVAL: Final = 0.3
"""Seconds between two checks of the files."""

Snapshot = Mapping[str, tuple[int, int] | None]
"""Path -> modification time in nanoseconds, and size; None if the path does not exist."""


@dataclass(frozen=True, slots=True)
class WatchRun:
    """The output of a run, and the paths to watch; empty if the run did not finish."""

    text: str
    conclusion: str
    paths: tuple[str, ...]


def watch(options: CheckOptions, output_format: str) -> None:
    """Check until Ctrl-C. Each run is a new process, so that changed code is imported again.

    Raises click.UsageError for a path that does not exist at the start.
    """
    color = wants_color(sys.stdout)
    start = [str(config_path(path)) for path in options.paths or (None,)]
    try:
        loop(
            lambda: _in_process(options, output_format, color=color, columns=terminal_width(sys.stdout)),
            partial(_print, output_format),
            time.sleep,
            start,
        )
    except KeyboardInterrupt:
        echo("", err=True)


def loop(
    run: Callable[[], WatchRun],
    show: Callable[[WatchRun], None],
    wait: Callable[[float], None],
    start: Iterable[str] = (),
) -> None:
    """Run and show, and repeat whenever a path has changed; ends when ``wait`` raises an exception.

    After a run without paths, the previous paths are watched, at first ``start``.
    """
    seen = snapshot(start)
    while True:
        # Taken before the run: a change during the run triggers another one.
        earlier = snapshot(seen)
        result = run()
        seen = {path: earlier.get(path, now) for path, now in snapshot(result.paths or seen).items()}
        show(result)  # after the snapshot, as the user may react with a change at once
        while snapshot(seen) == seen:
            wait(INTERVAL)


def snapshot(paths: Iterable[str]) -> Snapshot:
    """Return the current state of the paths."""
    return {path: _fingerprint(path) for path in paths}


def _fingerprint(path: str) -> tuple[int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        # An editor may be replacing the file. When it exists again, that is a change.
        return None
    return status.st_mtime_ns, status.st_size


def run_once(
    options: CheckOptions, output_format: str, *, color: bool = False, columns: int | None = None
) -> WatchRun:
    """Run the check once, and render the result."""
    modules: list[str] = []
    try:
        checked = check(options, lambda root: modules.extend(_modules_in(root.parent.resolve())))
    except click.ClickException as error:
        return WatchRun("", error.format_message(), ())  # an editor may be saving the file
    findings, roots = checked.report.findings, ", ".join(map(str, checked.roots))
    conclusion = f"{summary(findings)} in {roots}" if findings else f"{roots}: no problems found"
    report = checked.report._replace(findings=truncate_findings(findings))
    text = render(report, output_format, color=color, columns=columns)
    return WatchRun(text, conclusion, watched(checked, modules))


def _modules_in(folder: Path) -> Iterator[str]:
    files = (getattr(module, "__dict__", {}).get("__file__") for module in list(sys.modules.values()))
    return (file for file in files if isinstance(file, str) and Path(file).is_relative_to(folder))


def watched(checked: CheckRun, modules: Iterable[str]) -> tuple[str, ...]:
    """Return the files that a run read, and their folders, in which an include may find new files."""
    files = [Path(name) for name in (*checked.report.sources, *modules)]
    folders = {parent for file in files for parent in _folders(file, checked.roots)}
    return tuple(sorted(map(str, {*files, *folders})))


def _folders(file: Path, roots: Iterable[Path]) -> list[Path]:
    tops = {root.parent.resolve() for root in roots}
    parents = file.absolute().parents
    inside = [parent for parent in parents if any(parent.resolve().is_relative_to(top) for top in tops)]
    return [parents[0], *inside]


def _in_process(options: CheckOptions, output_format: str, *, color: bool, columns: int | None) -> WatchRun:
    # Otherwise modules in the working folder would shadow the standard library in the new process.
    os.environ["PYTHONSAFEPATH"] = "1"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin_run) as pool:
        try:
            return pool.submit(run_once, options, output_format, color=color, columns=columns).result()
        except BrokenProcessPool:
            # A module of the configuration ended the process during its import.
            return WatchRun("", "the check ended in the middle: does a module call os._exit()?", ())


def _begin_run() -> None:
    # Ctrl-C reaches every process of the terminal; only the watching process handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Bytecode is invalidated by the source's time (in seconds) and size: it would miss a second edit within a
    # second that keeps the size.
    sys.dont_write_bytecode = True


def _print(output_format: str, result: WatchRun) -> None:
    if sys.stdout.isatty():
        clear_screen()
    if not write_rendered(result.text, output_format):
        raise click.exceptions.Exit(ExitCode.OK)
    echo(f"{result.conclusion}; watching", err=True)
