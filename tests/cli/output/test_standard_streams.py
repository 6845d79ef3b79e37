"""Standard streams that are closed, full or no longer read: the exit code is correct, without a traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

from projects import Done, Project
from streamroute.cli.output.formats import FORMATS

HEAD = "version: 1\nstreams: {s: {group: g}}\nroutes:\n"
ROUTE = "  - {{name: r{}, type: t, handler: streamroute.handlers.log, filter: a{}{}}}\n"
COMMANDS = (
    *(f"check --no-import --format {output_format}" for output_format in FORMATS),
    "rule",
    "rule --format json",
    "schema",
    "routes",
    "routes --format json",
    "routes --graph svg",
    "explain --type t",
    "test",
    "test --format junit",
    "--help",
    "check --help",
    "--version",
)


def lay_out(project: Project, *, wrong: bool, routes: int = 1) -> None:
    filters = " =" if wrong else ""
    lines = [ROUTE.format(number, number, filters) for number in range(routes)]
    project.write("routes.yaml", HEAD + "".join(lines))
    project.write("routes.test.yaml", "version: 1\ntests: [{name: n, message: {type: t}, routes: []}]\n")


def run(project: Project, words: str, redirected: str) -> Done:
    """Run the command in a shell that redirects, or pipes; the exit code is the command's own."""
    line = f'"$0" -m streamroute {words} {redirected}; exit "${{PIPESTATUS[0]}}"'
    command = ["bash", "-c", line, sys.executable]
    done = subprocess.run(
        command, check=False, cwd=project.folder, env=project.env, capture_output=True, text=True
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.deep
@pytest.mark.parametrize("words", COMMANDS)
def test_output_that_cannot_be_written_is_an_error_in_one_line(lone_project: Project, words: str) -> None:
    lay_out(lone_project, wrong=words.startswith("check -"))
    for redirected, why in (("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")):
        done = run(lone_project, words, redirected)
        assert (done.code, done.err) == (1, f"error: could not write the output: {why}\n")


@pytest.mark.deep
@pytest.mark.parametrize("output_format", FORMATS)
def test_a_reader_who_has_read_enough_does_not_change_the_verdict(
    lone_project: Project, output_format: str
) -> None:
    """The output exceeds a pipe's capacity, so that a write fails."""
    lay_out(lone_project, wrong=True, routes=1_200)
    done = run(lone_project, f"check --no-import --format {output_format}", "| head -c 1")
    assert (done.code, done.err) == (1, "1200 errors in routes.yaml\n")


@pytest.mark.parametrize("words", ["routes", "routes --format json", "routes --graph dot", "test", "rule"])
def test_a_closed_stdout_is_not_an_error(lone_project: Project, words: str) -> None:
    lay_out(lone_project, wrong=False, routes=1_200)
    done = run(lone_project, words, "| true")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&-", "2>&- <&-", "2> >(true)"])
def test_a_stderr_that_cannot_be_written_changes_nothing(lone_project: Project, redirected: str) -> None:
    for wrong in (True, False):
        lay_out(lone_project, wrong=wrong)
        done = run(lone_project, "check --no-import", redirected)
        assert done.code == int(wrong)
        assert ("SR301" in done.out) is wrong


def test_without_stdin_there_is_nothing_to_read(lone_project: Project) -> None:
    lay_out(lone_project, wrong=False)
    done = run(lone_project, "explain -", "<&-")
    assert done.code in (1, 2)
    assert "Traceback" not in done.err


def test_a_handler_may_print_where_serve_has_no_stdout(project: Project) -> None:
    project.routes("name: a, type: t, handler: talk.run")
    project.write("talk.py", "async def run(payload):\n    print('x' * 100_000, flush=True)\n")
    project.feed('{"type": "t"}')
    done = run(project, 'publish events events.jsonl && "$0" -m streamroute serve --drain', ">&-")
    assert (done.code, project.dead()) == (0, 0), done
