"""A command that reads files ends in time, with a finding in the requested format."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from projects import Done, Project
from streamroute.cli.output.findings import MAX_FINDINGS, truncate_findings
from streamroute.cli.output.formats import FORMATS
from streamroute.cli.process.time_limit import time_limit
from streamroute.compiler import pipeline as checking
from streamroute.config.findings.finding import Finding, Severity, Span

ROUTES = "version: 1\nstreams: {events: }\nroutes: [{name: a, type: t, handler: streamroute.handlers.log}]\n"

HANGS = {
    "in Python": "while True: pass",
    "in a regular expression": "import re; re.match('(a+)+$', 'a' * 60 + 'b')",
    "and swallows all exceptions": "while True:\n try:\n  while True: pass\n except BaseException: pass",
    "while it imports": "import time; time.sleep(600)",
}

PROGRAM = """
import sys
from streamroute.compiler import pipeline as check
code = sys.argv.pop()
def hang(*_, **__):
    exec(code)
check.load_config = hang
from streamroute.cli.entry import main
main()
"""


def run(folder: Path, hang: str, *arguments: str) -> Done:
    """Run a command that hangs reading files; the test's timeout only catches a real hang."""
    argv = [sys.executable, "-P", "-c", PROGRAM, *arguments, hang]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("hang", HANGS)
def test_a_hanging_check_is_stopped(tmp_path: Path, hang: str) -> None:
    (tmp_path / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    done = run(tmp_path, HANGS[hang], "check", "--time-limit", "0.5")
    assert done == Done(
        1,
        "routes.yaml:1:1: error[SR026]: the check was ended after 0.5 s, before it was complete\n"
        "  = help: take out what is huge, or allow more: streamroute check --time-limit SECONDS\n",
        "routes.yaml: the check was ended after 0.5 s\n",
    )


@pytest.mark.parametrize("output_format", FORMATS)
def test_the_time_limits_output_is_valid_in_every_format(tmp_path: Path, output_format: str) -> None:
    (tmp_path / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    done = run(tmp_path, HANGS["in Python"], "check", "--time-limit", "0.5", "--format", output_format)
    assert done.code == 1
    assert "SR026" in done.out
    if output_format in ("json", "gitlab", "sarif"):
        json.loads(done.out)
    if output_format == "junit":
        ET.fromstring(done.out)  # noqa: S314 - our own report


@pytest.mark.parametrize(
    "arguments",
    [
        ("routes",),
        ("explain", "--type", "t"),
        ("test",),
        ("publish", "events", "--type", "t"),
        ("dead", "list"),
    ],
)
def test_other_commands_that_read_a_configuration_have_a_limit_too(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    shorter = "import streamroute.cli.process.time_limit as limit; limit.SECONDS = 0.5\n"
    argv = [sys.executable, "-P", "-c", shorter + PROGRAM, *arguments, HANGS["in Python"]]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 1
    assert "error[SR026]" in done.stdout


def test_an_alarm_set_earlier_is_resumed() -> None:
    before = signal.getsignal(signal.SIGALRM)
    earlier, interval = signal.setitimer(signal.ITIMER_REAL, 1000)
    try:
        with time_limit(500, "routes.yaml", "full"):
            pass
        remaining, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 900 < remaining <= 1000
        assert signal.getsignal(signal.SIGALRM) is before
    finally:
        signal.setitimer(signal.ITIMER_REAL, earlier, interval)


@pytest.mark.parametrize(("error", "what"), [(RecursionError, "stack"), (MemoryError, "memory")])
def test_input_that_exhausts_python_is_a_finding(
    lone_project: Project,
    command: Callable[..., Done],
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
    what: str,
) -> None:
    monkeypatch.chdir(lone_project.folder)
    lone_project.write("routes.yaml", ROUTES)

    def give_up(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(checking, "load_config", give_up)
    done = command("check")
    assert done.code == 1
    assert f"routes.yaml:1:1: error[SR027]: not enough {what} to check this" in done.out


def test_every_format_shows_the_first_thousand_findings(
    lone_project: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lone_project.folder)
    wrong = "".join(f"  - {{name: r{at}, type: t{at}, handlr: x}}\n" for at in range(MAX_FINDINGS + 200))
    lone_project.write("routes.yaml", f"version: 1\nstreams: {{events: }}\nroutes:\n{wrong}")
    for output_format in FORMATS:
        done = command("check", "--format", output_format)
        assert done.code == 1
        assert done.err == f"{MAX_FINDINGS + 200} errors in routes.yaml\n"
        assert "200 more findings are not shown" in done.out
        if output_format == "json":
            assert len(json.loads(done.out)) == MAX_FINDINGS + 1


def test_a_thousand_findings_are_all_shown() -> None:
    found = [
        Finding("SR102", Severity.ERROR, "m", "f", Span(at, 1, at, 2)) for at in range(1, MAX_FINDINGS + 1)
    ]
    assert truncate_findings(found) == found
