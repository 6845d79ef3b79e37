"""A check with paths and simple options runs without click, and does what click's command does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamroute.cli.commands.check import command
from streamroute.cli.commands.checking.plain import PlainArguments, plain_arguments, plain_check
from streamroute.cli.main import streamroute

if TYPE_CHECKING:
    from projects import Project

_WORDS = [
    "",
    "-",
    "--",
    "a.yaml",
    "shop",
    "--env",
    "--no-import",
    "--format",
    "--format=json",
    "full",
    "json",
]
_WORDS += ["--en", "--select", "SR301", "--fix", "--time-limit", "5", "-h", "--allow-outside", "--watch"]


def _as_click_reads_them(arguments: list[str]) -> PlainArguments | None:
    try:
        settings = streamroute.context_settings  # click keeps the first help option that it makes
        params = command.make_context("check", list(arguments), **settings).params
    except (click.ClickException, click.exceptions.Exit):
        return None
    return PlainArguments(params["paths"], params["needs_env"], params["no_import"], params["output_format"])


@given(st.lists(st.sampled_from(_WORDS), max_size=5))
@example(["a.yaml", "--format", "json", "--env", "shop"])
@example(["--format"])
@example(["--format", "xml"])
@example(["a.yaml", "--", "--env"])
def test_plain_arguments_are_read_as_click_reads_them(arguments: list[str]) -> None:
    plain = plain_arguments(arguments)
    assert plain is None or plain == _as_click_reads_them(arguments)


def test_the_usual_arguments_are_plain() -> None:
    assert plain_arguments([]) == PlainArguments()
    assert plain_arguments(["a", "--no-import", "--format", "github", "b", "--env"]) == PlainArguments(
        ("a", "b"), needs_env=True, no_import=True, output_format="github"
    )


@pytest.mark.parametrize("argument", ["--fix", "--watch", "--allow-outside", "--select=SR3", "--", "-h"])
def test_other_arguments_are_left_to_click(argument: str) -> None:
    assert plain_check([argument], pytest.fail) is None


def test_shell_completion_is_left_to_click(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_STREAMROUTE_COMPLETE", "bash_complete")
    assert plain_check([], pytest.fail) is None


SLOW_TO_IMPORT = frozenset(
    {"asyncio", "click", "importlib.metadata", "jsonschema", "logging", "redis", "shutil", "textwrap"}
    | {"threading", "traceback", "streamroute.values"}
)
"""What a check without findings must not import."""

PROGRAM = """
import atexit, sys
slow = set(sys.argv.pop(1).split(",")) - set(sys.modules)  # a run whose lines are counted has some
atexit.register(lambda: print(*sorted(slow & set(sys.modules))))
from streamroute.cli.entry import main
main()
"""


def test_a_check_imports_only_what_it_needs(lone_project: Project) -> None:
    lone_project.routes("name: a, type: a, handler: own.ok, filter: \"contains(tags, 'x') && n > `3`\"")
    lone_project.write("own.py", "async def ok(payload): ...\n")
    done = lone_project.start(",".join(SLOW_TO_IMPORT), "check", program=("-c", PROGRAM)).end()
    assert (done.code, done.out, done.err) == (0, "\n", "routes.yaml: no problems found\n")


@pytest.mark.parametrize("path", ["routes.yaml", "absent.yaml"])
@pytest.mark.parametrize("arguments", [[], ["--format", "json"], ["--no-import", "--env"]])
def test_a_plain_check_reports_what_the_command_reports(
    lone_project: Project, path: str, arguments: list[str]
) -> None:
    lone_project.routes("name: a, type: a, handler: jobs.missing, filter: a ==", "name: b, type: ${UNSET}")
    plain = lone_project.run("check", path, *arguments)
    assert plain == lone_project.run("check", path, *arguments, "--time-limit", "120")
    assert plain.code == (1 if path == "routes.yaml" else 2)
    assert ("Usage: streamroute check [OPTIONS] [PATHS]..." in plain.err) is (path == "absent.yaml")


def test_an_interrupted_check_ends_the_line_as_click_does(lone_project: Project) -> None:
    lone_project.routes("name: a, type: a, handler: own.ok")
    lone_project.write("own.py", "raise KeyboardInterrupt")
    plain = lone_project.run("check")
    assert plain == lone_project.run("check", "--time-limit", "120")
    assert (plain.code, plain.err) == (130, "\n")
