"""A closed terminal is told from a request to reload, on real terminals."""

from __future__ import annotations

import os
import pty
import signal
import sys
from pathlib import Path

import pytest

from repository import ROOT
from servers import wait_until

PROGRAM = """
import os, signal, sys
from streamroute.cli.process.hangups import Hangups
hangups = Hangups()
hangups.on_request = lambda: None
def note(text):
    with open("notes", "a") as notes:
        notes.write(text + "\\n")
if sys.argv[1] == "start":
    with hangups.kept():
        note("ready")
        while not hangups.take_kept():
            signal.pause()
        note("kept")
else:
    signal.signal(signal.SIGHUP, lambda *_: note(str(hangups.is_request())))
    note("ready")
    while True:
        signal.pause()
"""


class OnTerminal:
    """A process whose controlling terminal a test can close."""

    def __init__(self, folder: Path, moment: str, *, terminal: bool = True) -> None:
        self.folder = folder
        self.pid, self.terminal = (pty.fork if terminal else _fork_without)()
        if self.pid == 0:
            os.chdir(folder)
            os.environ["PYTHONPATH"] = str(ROOT)
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            os.execv(sys.executable, [sys.executable, "-c", PROGRAM, moment])  # noqa: S606 - in a forked child
        self.wait_for("ready")

    def notes(self) -> list[str]:
        path = self.folder / "notes"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for(self, note: str) -> None:
        wait_until(lambda: note in self.notes(), note)

    def hang_up(self) -> None:
        os.kill(self.pid, signal.SIGHUP)

    def close(self) -> None:
        os.close(self.terminal)

    def end(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _fork_without() -> tuple[int, int]:
    pid = os.fork()
    if pid == 0:
        os.setsid()
    return pid, -1


@pytest.fixture(autouse=True)
def _no_warning_about_forks(recwarn: pytest.WarningsRecorder) -> None:
    """Python 3.12 warns about a fork while other threads run; the child executes another program at once."""


def test_closing_the_terminal_is_noticed(tmp_path: Path) -> None:
    running = OnTerminal(tmp_path, "run")
    running.hang_up()
    running.wait_for("True")
    running.close()
    running.wait_for("False")
    os.kill(running.pid, signal.SIGKILL)
    assert running.end() == -signal.SIGKILL


def test_without_a_terminal_none_closes(tmp_path: Path) -> None:
    running = OnTerminal(tmp_path, "run", terminal=False)
    running.hang_up()
    running.wait_for("True")
    os.kill(running.pid, signal.SIGKILL)
    assert running.end() == -signal.SIGKILL


def test_a_request_during_the_start_is_kept(tmp_path: Path) -> None:
    running = OnTerminal(tmp_path, "start")
    running.hang_up()
    running.wait_for("kept")
    assert running.end() == 0
    running.close()


def test_a_terminal_that_closes_during_the_start_ends_the_process(tmp_path: Path) -> None:
    running = OnTerminal(tmp_path, "start")
    running.close()
    assert running.end() == -signal.SIGHUP
