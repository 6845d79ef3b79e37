"""The command line as a whole: help, versions, misspellings, completion, and exits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from streamroute import __version__
from streamroute.cli.main import streamroute
from streamroute.cli.process.error_boundary import run_guarded
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.errors import EmbeddedServerError, RedisUnavailableError, SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from projects import Done, Project

COMMANDS = streamroute.list_commands(click.Context(streamroute))


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_command_and_exit_code(command: Callable[..., Done], flag: str) -> None:
    done = command(flag)
    assert done.code == 0
    for name in COMMANDS:
        assert re.search(rf"^  {name}  +[A-Z]", done.out, re.MULTILINE)
    assert all(f"{code} " in done.out.split("Exit codes:")[1] for code in range(5))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(command: Callable[..., Done], name: str) -> None:
    done = command(name, "-h")
    assert done.code == 0
    assert done.out.startswith(f"Usage: streamroute {name} ")


def _helps(group: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield the help of a command and of all below it, as a wide terminal shows it."""
    yield context.command_path, group.get_help(context)
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            below = group.get_command(context, name)
            assert below is not None
            yield from _helps(below, click.Context(below, info_name=name, parent=context))


def test_the_help_of_every_command_fits_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    context = click.Context(streamroute, info_name="streamroute", **streamroute.context_settings)
    helps = dict(_helps(streamroute, context))
    assert len(helps) > 40
    assert [line for text in helps.values() for line in text.splitlines() if len(line) > 80] == []


def test_no_help_ends_in_the_middle_of_a_sentence(command: Callable[..., Done]) -> None:
    commands = command("dead", "-h").out.partition("Commands:")[2]
    assert commands
    assert "..." not in commands


@pytest.mark.parametrize("name", ["check", "generations", "init", "publish", "schema", "serve"])
def test_every_option_has_a_help_text(name: str) -> None:
    found = streamroute.get_command(click.Context(streamroute), name)
    assert found is not None
    options = [parameter for parameter in found.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_the_module_is_the_command(project: Project) -> None:
    done = project.run("--version")
    assert (done.code, done.out) == (0, f"streamroute {__version__}\n")


@pytest.mark.parametrize(("typed", "meant"), [("serv", "serve"), ("chekc", "check"), ("publsh", "publish")])
def test_a_misspelt_command_is_recognized(command: Callable[..., Done], typed: str, meant: str) -> None:
    done = command(typed)
    assert done.code == ExitCode.USAGE
    assert f'No such command "{typed}". Did you mean "{meant}"?' in done.err


def test_a_misspelt_option_is_recognized(command: Callable[..., Done]) -> None:
    done = command("serve", "--drian")
    assert done.code == ExitCode.USAGE
    assert "--drain" in done.err


def test_no_command_shows_the_help(command: Callable[..., Done]) -> None:
    done = command()
    assert done.code == ExitCode.USAGE
    assert "Usage: streamroute" in done.out + done.err


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_scripts_are_printed_and_complete(lone_project: Project, shell: str) -> None:
    lone_project.env["_STREAMROUTE_COMPLETE"] = f"{shell}_source"
    done = lone_project.run()
    assert done.code == 0
    assert "_STREAMROUTE_COMPLETE" in done.out
    lone_project.env["_STREAMROUTE_COMPLETE"] = f"{shell}_complete"
    lone_project.env["COMP_WORDS"] = "streamroute ser"
    lone_project.env["COMP_CWORD"] = "ser" if shell == "fish" else "1"
    assert "serve" in lone_project.run().out


@pytest.mark.parametrize(
    "typed",
    [
        "check", "test", "serve", "serve --feed", "routes", "explain", "explain --config", "publish s",
        "publish --config", "dead list --config", "init", "generations", "generations --state-dir",
    ],
)  # fmt: skip
def test_paths_are_completed_by_the_shell(lone_project: Project, typed: str) -> None:
    words = ["streamroute", *typed.split(), "ro"]
    lone_project.env |= {
        "_STREAMROUTE_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    assert lone_project.run().out in ("file,ro\n", "dir,ro\n")


def test_a_closed_output_pipe_is_no_error(lone_project: Project) -> None:
    """For example behind `| head`, if it has ended before the first write."""
    ours, theirs = os.pipe()
    os.close(ours)
    process = subprocess.run(
        [sys.executable, "-m", "streamroute", "schema"],
        env=lone_project.env,
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(theirs)
    assert (process.returncode, process.stderr) == (0, b"")


def fail(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (SetupError("no container"), ExitCode.FOUND, "error: no container\n"),
        (RedisUnavailableError("no Redis"), ExitCode.NO_REDIS, "error: no Redis\n"),
        (EmbeddedServerError("no server"), ExitCode.NO_REDIS, "error: no server\n"),
        (click.UsageError("no such thing"), ExitCode.USAGE, "Error: no such thing\n"),
        (click.Abort(), 130, ""),
    ],
)
def test_expected_errors_are_one_line(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int, message: str
) -> None:
    assert run_guarded(fail(error)) == code
    assert capsys.readouterr().err == message


def test_unexpected_errors_are_reported_as_internal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(fail(KeyError("guest"))) == ExitCode.INTERNAL
    err = capsys.readouterr().err
    assert "KeyError: 'guest'" in err
    assert err.endswith("This is a bug in streamroute, not in your files; please report it.\n")


@pytest.mark.parametrize("module", ["yaml.py", "jobs.py"])
def test_ctrl_c_ends_a_command_without_a_traceback(lone_project: Project, module: str) -> None:
    """While the package's own modules are loading, and while the user's are."""
    lone_project.routes("name: a, type: a, handler: jobs.ok")
    lone_project.write(module, "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = lone_project.run("check")
    assert (done.code, done.out, done.err.strip()) == (130, "", "")


def test_ctrl_c_that_is_to_be_ignored_is_ignored(lone_project: Project) -> None:
    """As a shell requires it for background processes."""
    lone_project.routes("name: a, type: a, handler: jobs.ok")
    lone_project.write("sitecustomize.py", "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n")
    jobs = lone_project.folder / "jobs.py"
    jobs.write_text(f"import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n{jobs.read_text()}")
    lone_project.env["PYTHONPATH"] += f"{os.pathsep}{lone_project.folder}"
    assert lone_project.run("check").code == 0
