"""``check --watch``: the check again at every change of a file that it read."""

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
"""Seconds between two looks at the files."""

Snapshot = Mapping[str, tuple[int, int] | None]
"""Path -> time of its last change in nanoseconds and size; None where there is nothing."""


@dataclass(frozen=True, slots=True)
class WatchRun:
    """What one run printed, and the paths whose change calls for another; none where it came to no end."""

    text: str
    conclusion: str
    paths: tuple[str, ...]


def watch(asked: CheckOptions, output_format: str) -> None:
    """Check until Ctrl-C. Each run is a process of its own, so that changed code is imported anew.

    Raises click.UsageError for a path that is not there at the start.
    """
    color = wants_color(sys.stdout)
    start = [str(config_path(path)) for path in asked.paths or (None,)]
    try:
        loop(
            lambda: _in_process(asked, output_format, color=color, columns=terminal_width(sys.stdout)),
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
    """Run and show, then again whenever a path has changed; ends with what ``wait`` raises.

    A run that names no paths leaves those that were watched before it, at first ``start``.
    """
    seen = snapshot(start)
    while True:
        # Looked at before the run: a change in its middle calls for another.
        earlier = snapshot(seen)
        shown = run()
        seen = {path: earlier.get(path, now) for path, now in snapshot(shown.paths or seen).items()}
        show(shown)  # whoever reads it may answer with a change at once
        while snapshot(seen) == seen:
            wait(INTERVAL)


def snapshot(paths: Iterable[str]) -> Snapshot:
    """What the paths look like now."""
    return {path: _look(path) for path in paths}


def _look(path: str) -> tuple[int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        # Absent for now: an editor may be replacing it. Its return is a change.
        return None
    return status.st_mtime_ns, status.st_size


def run_once(
    asked: CheckOptions, output_format: str, *, color: bool = False, columns: int | None = None
) -> WatchRun:
    """One run, rendered."""
    modules: list[str] = []
    try:
        checked = check(asked, lambda root: modules.extend(_modules_in(root.parent.resolve())))
    except click.ClickException as error:
        return WatchRun("", error.format_message(), ())  # it may come back: an editor is saving it
    findings, roots = checked.report.findings, ", ".join(map(str, checked.roots))
    conclusion = f"{summary(findings)} in {roots}" if findings else f"{roots}: nothing is wrong"
    shown = checked.report._replace(findings=truncate_findings(findings))
    text = render(shown, output_format, color=color, columns=columns)
    return WatchRun(text, conclusion, watched(checked, modules))


def _modules_in(folder: Path) -> Iterator[str]:
    files = (getattr(module, "__dict__", {}).get("__file__") for module in list(sys.modules.values()))
    return (file for file in files if isinstance(file, str) and Path(file).is_relative_to(folder))


def watched(checked: CheckRun, modules: Iterable[str]) -> tuple[str, ...]:
    """The files that a run read, and their folders, where new ones may be found by an include."""
    files = [Path(name) for name in (*checked.report.sources, *modules)]
    folders = {parent for file in files for parent in _folders(file, checked.roots)}
    return tuple(sorted(map(str, {*files, *folders})))


def _folders(file: Path, roots: Iterable[Path]) -> list[Path]:
    tops = {root.parent.resolve() for root in roots}
    parents = file.absolute().parents
    inside = [parent for parent in parents if any(parent.resolve().is_relative_to(top) for top in tops)]
    return [parents[0], *inside]


def _in_process(asked: CheckOptions, output_format: str, *, color: bool, columns: int | None) -> WatchRun:
    # Else the new process would look for Python's own modules in the working folder first.
    os.environ["PYTHONSAFEPATH"] = "1"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin_run) as pool:
        try:
            return pool.submit(run_once, asked, output_format, color=color, columns=columns).result()
        except BrokenProcessPool:
            # A module that the configuration names ended the process while it was imported.
            return WatchRun("", "the check ended in the middle: does a module call os._exit()?", ())


def _begin_run() -> None:
    # Ctrl-C reaches every process of the terminal; only the one that watches says good-bye.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Bytecode tells an old source from a new one by the second and the size: an edit that swaps two letters
    # at once would be missed.
    sys.dont_write_bytecode = True


def _print(output_format: str, shown: WatchRun) -> None:
    if sys.stdout.isatty():
        clear_screen()
    if not write_rendered(shown.text, output_format):
        raise click.exceptions.Exit(ExitCode.OK)
    echo(f"{shown.conclusion}; watching", err=True)
