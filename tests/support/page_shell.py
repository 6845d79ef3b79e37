"""Runs the commands of a page: each in its own bash, with the folder and variables of those before."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from checkout_program import environment_with_program
from servers import wait_until

_TIMEOUT: Final = 120.0
"""Seconds for one command; far more than any takes."""

_STUBS: Final = {
    "pip": 'case "$1 $*" in install*streamroute*) exit 0;; esac; echo "not played: pip $*" >&2; exit 1',
    "python": 'case "$1 $2" in "-m venv") exit 0;; esac; exec {python} "$@"',
    "python3": 'case "$1 $2" in "-m venv") exit 0;; esac; exec {python} "$@"',
    "pytest": 'exec {python} -m pytest -p no:cacheprovider "$@"',
}
"""Programs that a reader has in an environment with streamroute installed."""


class PageShell:
    """A session in an empty folder; a context manager that ends what runs in the background."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self._work = folder / "work"
        self._state = folder / "state.sh"
        self._background: list[tuple[subprocess.Popen[bytes], Path]] = []
        self._work.mkdir()
        self._state.write_text(f"cd {shlex.quote(str(self._work))}\n")
        self._environment = _environment(folder, redis_url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process, _output in self._background:
            _end(process)

    def run(self, command: str, script: str = "") -> tuple[int, str]:
        """Run a command to its end; return its exit code and what it printed to both streams."""
        keep = f'{{ echo cd "$(printf %q "$PWD")"; export -p; }} >{shlex.quote(str(self._state))}'
        text = f"set -e\n. {shlex.quote(str(self._state))}\ntrap '{keep}' EXIT\n{command}"
        process = self._start(text, subprocess.PIPE)
        try:
            printed, _ = process.communicate(script.encode(), timeout=_TIMEOUT)
        except subprocess.TimeoutExpired:
            _end(process)
            raise TimeoutError(f"{command!r} did not end within {_TIMEOUT:g} s") from None
        return process.returncode, printed.decode(errors="replace")

    def start(self, command: str, until: str) -> None:
        """Start a command that goes on; return once it has printed ``until``."""
        output = self._state.with_name(f"background-{len(self._background)}")
        with output.open("wb") as file:
            process = self._start(f". {shlex.quote(str(self._state))}\n{command}", file.fileno())
        self._background.append((process, output))
        wait_until(lambda: until in output.read_text() or process.poll() is not None, f"{command} ({until})")
        if until not in output.read_text():
            raise TimeoutError(f"{command!r} ended without {until!r}: {output.read_text()}")

    def write(self, name: str, text: str) -> None:
        """Write a file below the folder that the commands so far have gone to."""
        code, folder = self.run("pwd")
        target = Path(folder.strip(), name)
        if code or not target.resolve().is_relative_to(self._work.resolve()):
            raise ValueError(f"{name} is outside of the page's folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def _start(self, text: str, stdout: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["bash", "-c", text],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _environment(folder: Path, redis_url: str) -> dict[str, str]:
    environment = environment_with_program(folder, REDIS_URL=redis_url, PYTHONUTF8="1", NO_COLOR="1")
    for name in ("PYTEST_ADDOPTS", "STREAMROUTE_ACTOR"):
        environment.pop(name, None)
    for name, text in _STUBS.items():
        stub = folder / "bin" / name
        stub.write_text(f"#!/bin/sh\n{text.replace('{python}', shlex.quote(sys.executable))}\n")
        stub.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    return {**environment, "HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "COLUMNS": "100"}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and all that it started: gently, as Ctrl-C does, then for good."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
    if process.stdin:
        process.stdin.close()
    if process.stdout:
        process.stdout.close()
