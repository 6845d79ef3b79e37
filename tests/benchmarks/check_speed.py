"""The cost of ``streamroute check`` compared with a bare read of the same YAML, and the command's start time.

``python tests/benchmarks/check_speed.py`` prints processor time (user and system) of whole processes, each
above the interpreter's own start, as the minimum of several interleaved rounds.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

SIZES: Final = (10, 1_000, 10_000)
ROOT: Final = Path(__file__).parents[2]
HANDLERS: Final = "async def welcome(payload): ...\n\n\ndef send(payload, *, template): ...\n"
ROUTE: Final = """\
  - name: route-{at}
    type: booking.type{kind}
    filter: guest.tier == 'gold' && nights >= `{nights}` && contains(tags || `[]`, 'tenant-{at}')
    handler: shop.handlers.welcome
    timeout: 30s
"""
BARE: Final = (
    "import sys, yaml; "
    "yaml.load(open(sys.argv[1], encoding='utf-8').read(), getattr(yaml, 'CSafeLoader', yaml.SafeLoader))"
)


def write_project(folder: Path, size: int) -> Path:
    """Write a configuration of ``size`` routes with different filters, and the modules that it names."""
    package = folder / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "handlers.py").write_text(HANDLERS)
    routes = "".join(ROUTE.format(at=at, kind=at % 50, nights=at % 7) for at in range(size))
    path = folder / "routes.yaml"
    path.write_text(f"version: 1\nstreams:\n  bot_events: {{group: notifications}}\nroutes:\n{routes}")
    return path


def processor_time(arguments: Sequence[str], environment: Mapping[str, str]) -> float:
    """Return the processor time in seconds of a process of this interpreter; it must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        check=True,
        capture_output=True,
        cwd=tempfile.gettempdir(),
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, float]:
    """Return the minimum of ``rounds`` for each command: other processes on the machine only add time."""
    with tempfile.TemporaryDirectory() as cache:
        # Keep compiled modules, as an installed package does.
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for arguments in commands.values():
            processor_time(arguments, environment)
        taken: dict[str, float] = {}
        for _ in range(rounds):
            for name, arguments in commands.items():
                seconds = processor_time(arguments, environment)
                taken[name] = min(seconds, taken.get(name, seconds))
    return taken


def commands_for(paths: Mapping[int, Path]) -> dict[str, Sequence[str]]:
    """Return the measured commands by name."""
    commands: dict[str, Sequence[str]] = {
        "start": ["-c", "pass"],
        "--help": ["-m", "streamroute", "--help"],
        "import click": ["-c", "import click"],
        "import yaml": ["-c", "import yaml"],
    }
    for size, path in paths.items():
        commands[f"read {size}"] = ["-c", BARE, str(path)]
        commands[f"check {size}"] = ["-m", "streamroute", "check", str(path)]
    return commands


def measured(sizes: Sequence[int], rounds: int) -> dict[str, float]:
    """Return milliseconds above the interpreter's own start, by the command's name."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {size: write_project(Path(folder) / str(size), size) for size in sizes}
        taken = measure(commands_for(paths), rounds)
    return {name: (seconds - taken["start"]) * 1000 for name, seconds in taken.items()}


def report(above: Mapping[str, float], sizes: Sequence[int]) -> str:
    """Return a table of milliseconds above the interpreter's own start."""
    lines = [
        *(f"{name:<14}{above[name]:>9.0f} ms" for name in ("import click", "import yaml", "--help")),
        "",
        f"{'routes':>8}{'read':>9}{'check':>9}{'ratio':>8}",
    ]
    for size in sizes:
        read, check = above[f"read {size}"], above[f"check {size}"]
        lines.append(f"{size:>8,}{read:>6.0f} ms{check:>6.0f} ms{check / read:>8.2f}")
    if len(sizes) > 1:
        more, most = sizes[-2:]
        growth = (above[f"check {most}"] - above[f"check {more}"]) / (most - more) * 1000
        lines += ["", f"each route beyond {more:,}: {growth:.0f} µs"]
    return "\n".join(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    options = parser.parse_args()
    print(report(measured(options.sizes, options.rounds), options.sizes))  # noqa: T201 - a program that prints


if __name__ == "__main__":
    main()
