"""``check --watch``: a new run after every change of a file that the last run read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from repository import ROOT
from streamroute.cli.commands.checking.run import CheckOptions
from streamroute.cli.commands.checking.watch import WatchRun, loop, run_once, snapshot
from streamroute.cli.main import streamroute

ROUTE = """
version: 1
streams: {bot_events: }
include: [more/*.yaml]
routes:
- {name: a, type: t, handler: mine.handle}
""".lstrip()


class EndedError(Exception):
    """Raised instead of KeyboardInterrupt."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "routes.yaml").write_text(ROUTE)
    (tmp_path / "mine.py").write_text("def handle(payload): ...\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "one.yaml").write_text("version: 1\nroutes: []\n")
    return tmp_path


def watched_runs(run: Callable[[], WatchRun], *steps: Callable[[], object]) -> list[WatchRun]:
    """Return the runs shown if each step happens during one wait, and Ctrl-C after the last."""
    shown: list[WatchRun] = []
    ahead: Iterator[Callable[[], object]] = iter(steps)

    def wait(_seconds: float) -> None:
        step = next(ahead, None)
        if step is None:
            raise EndedError
        step()

    with pytest.raises(EndedError):
        loop(run, shown.append, wait)
    return shown


def check() -> WatchRun:
    return run_once(CheckOptions(), "concise")


def nothing() -> None:
    """Change no file during a wait."""


def test_a_change_of_the_configuration_is_checked(folder: Path) -> None:
    first, second = watched_runs(
        check,
        nothing,
        lambda: (folder / "routes.yaml").write_text(ROUTE.replace("handle}", "handel}")),
        nothing,
    )
    assert (first.text, first.conclusion) == ("", "routes.yaml: no problems found")
    assert 'did you mean "handle"?' in second.text
    assert second.conclusion == "1 error in routes.yaml"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mine.py", "def other(payload): ...\n"),
        ("more/one.yaml", "version: 1\nroutes: 3\n"),
        ("more/two.yaml", "version: 1\nroutes: 3\n"),
    ],
)
def test_a_change_of_a_handler_or_of_an_included_or_new_file_is_checked(
    folder: Path, name: str, content: str
) -> None:
    runs = watched_runs(check, lambda: (folder / name).write_text(content))
    assert len(runs) == 2
    assert runs[0].text == ""
    assert runs[1].text.startswith(("routes.yaml:5:", "more/"))


def test_a_removed_and_recreated_file_is_a_change(folder: Path) -> None:
    """As editors save: they remove the old file and put the new one in its place."""
    path = folder / "routes.yaml"
    runs = watched_runs(
        check, path.unlink, lambda: path.write_text(ROUTE.replace("version: 1", "version: 2")), nothing
    )
    assert "there is no routes.yaml" in runs[1].conclusion
    assert "SR101" in runs[2].text


def test_a_change_in_the_middle_of_a_run_calls_for_another(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("0")
    count = 0

    def run() -> WatchRun:
        nonlocal count
        count += 1
        if count == 2:
            path.write_text("changed while it is read")
        return WatchRun(str(count), "", (str(path),))

    runs = watched_runs(run, lambda: path.write_text("first change"), nothing)
    assert [shown.text for shown in runs] == ["1", "2", "3"]


def test_a_change_during_a_run_causes_another_run(tmp_path: Path) -> None:
    """The file was unknown before the run: its state must be recorded before the user can react."""
    file = tmp_path / "routes.yaml"
    file.write_text("one")
    texts: list[str] = []

    def show(shown: WatchRun) -> None:
        texts.append(shown.text)
        if shown.text == "one":
            file.write_text("another")

    def wait(_seconds: float) -> None:
        raise EndedError

    with pytest.raises(EndedError):
        loop(lambda: WatchRun(file.read_text(), "", (str(file),)), show, wait)
    assert texts == ["one", "another"]


def test_a_snapshot_includes_absent_files(tmp_path: Path) -> None:
    assert snapshot([str(tmp_path / "nowhere")]) == {str(tmp_path / "nowhere"): None}


def test_the_command_runs_until_ctrl_c_and_reimports_changed_code(folder: Path) -> None:
    line = [sys.executable, "-m", "streamroute", "check", "--watch", "--format", "concise"]
    with subprocess.Popen(
        line,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert process.stderr.readline() == "routes.yaml: no problems found; watching\n"
        (folder / "mine.py").write_text("def handel(payload): ...\n")
        assert 'did you mean "handel"?' in process.stdout.readline()
        assert process.stderr.readline() == "1 error in routes.yaml; watching\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(240) == 0


def test_the_command_refuses_a_path_that_is_not_there() -> None:
    result = CliRunner().invoke(streamroute, ["check", "--watch", "nowhere.yaml"])
    assert result.exit_code == 2
    assert "does not exist" in result.stderr
