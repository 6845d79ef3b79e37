"""Commands read events only from regular files of bounded size, and through no dangerous link."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from projects import Done, Project
from streamroute.system.files import MAX_TOTAL
from streamroute.system.opening import MAX_BYTES

COMMANDS: Final = (
    "test --init FILE", "explain FILE", "publish events FILE --no-embedded",
    "serve --no-embedded --drain --feed FILE",
)  # fmt: skip
SECRET: Final = "no JSON, but token=s3cret\n"


@pytest.fixture
def folder(lone_project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = lone_project.folder / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("routes.yaml").write_text(
        "version: 1\nstreams: {events: }\nroutes: [{name: a, type: t, handler: streamroute.handlers.log}]\n"
    )
    Path("../away").mkdir()
    Path("../away/events.jsonl").write_text(SECRET)
    return folder


@pytest.fixture
def run(folder: Path, command: Callable[..., Done]) -> Callable[[str, str], Done]:
    return lambda arguments, file: command(*arguments.replace("FILE", file).split())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_link_to_elsewhere_is_not_read(run: Callable[[str, str], Done], arguments: str) -> None:
    for name, target in {
        "file.jsonl": "../away/events.jsonl", "environ": "/proc/self/environ", "zero": "/dev/zero",
        "stdin": "/dev/stdin", "examples": "../away", "self": "/proc/self",
    }.items():  # fmt: skip
        Path(name).symlink_to(target)
    for file in ("file.jsonl", "environ", "zero", "stdin", "examples/events.jsonl", "self/environ"):
        done = run(arguments, file)
        assert done.code == 2
        assert f"{file} is not read: " in done.err
        assert "is a link that points outside its folder; name the place that it leads to" in done.err
        assert "s3cret" not in done.out + done.err
    assert not Path("routes.test.yaml").exists()
    assert run(f"{arguments} --allow-outside", "examples/events.jsonl").code in {1, 4}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_pipe_a_folder_and_nothing_are_named(run: Callable[[str, str], Done], arguments: str) -> None:
    os.mkfifo("pipe")
    assert (
        "pipe is not read: it is a pipe, not a file; to read it all the same, give it as stdin: - < pipe"
        in (run(arguments, "pipe").err)
    )
    assert "away is a folder, not a file" in run(arguments, "../away").err
    assert re.search("absent.jsonl(: No such file| does not exist)", run(arguments, "absent.jsonl").err)
    done = run(arguments, "x" * 5000)
    assert done.code == 2
    assert "File name too long" in done.err or "EVENT is neither JSON nor a file" in done.err


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("arguments", "limit"), [(COMMANDS[0], MAX_TOTAL), (COMMANDS[1], MAX_BYTES)])
def test_more_than_is_read_at_once_is_refused(
    run: Callable[[str, str], Done], monkeypatch: pytest.MonkeyPatch, arguments: str, limit: int
) -> None:
    with Path("big.jsonl").open("wb") as big:
        big.truncate(limit + 1)
    message = f"cannot be read: the file is larger than {limit / 1_000_000:g} MB"
    assert f"big.jsonl {message}" in run(arguments, "big.jsonl").err
    assert f"/dev/zero {message}" in run(arguments, "/dev/zero").err
    with Path("/dev/zero").open("rb") as endless:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(endless))
        assert f"stdin {message.replace('the file', 'it')}" in run(arguments, "-").err


@pytest.mark.parametrize("working", ["/", "/usr", "../away"])
def test_a_linked_folder_of_the_user_s_is_followed(
    run: Callable[[str, str], Done], folder: Path, monkeypatch: pytest.MonkeyPatch, working: str
) -> None:
    """``~/projects`` on another disk: the link is neither in a checkout nor in the working folder."""
    Path("event.json").write_text('{"type": "t"}')
    Path("../links").mkdir()
    Path("../links/projects").symlink_to(folder.parent)
    here = folder.parent / "links/projects/project"
    monkeypatch.chdir(working)
    assert run(f"explain FILE --config {here}", str(here / "event.json")).code == 0


@pytest.mark.parametrize("arguments", COMMANDS)
def test_an_empty_name_is_no_file_and_not_stdin(
    folder: Path, command: Callable[..., Done], arguments: str
) -> None:
    """For example from an unset shell variable."""
    done = command(*("" if word == "FILE" else word for word in arguments.split()))
    assert (done.code, "the name of the file is empty" in done.err) == (2, True)


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_closed_stdin_is_reported(
    run: Callable[[str, str], Done], monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    """For example in ``streamroute explain - <&-``, where Python has no stdin at all."""
    monkeypatch.setattr(sys, "stdin", None)
    done = run(arguments, "-")
    assert (done.code, "stdin is closed" in done.err) == (2, True)


@pytest.mark.parametrize("arguments", [*COMMANDS, "check FILE", "dead list --config FILE"])
def test_a_name_of_thousands_of_characters_is_shown_in_part(
    run: Callable[[str, str], Done], arguments: str
) -> None:
    done = run(arguments, "x" * 5000)
    assert (done.code, len(done.err) < 1000) == (2, True)


@pytest.mark.parametrize("arguments", [*COMMANDS, "check FILE", "test FILE.test.yaml"])
def test_an_inaccessible_folder_is_not_reported_as_a_missing_file(
    run: Callable[[str, str], Done], folder: Path, arguments: str
) -> None:
    shut = folder / "shut"
    shut.mkdir()
    (shut / "file").touch()
    (shut / "file.test.yaml").touch()
    shut.chmod(0)
    try:
        if os.access(shut, os.X_OK):
            pytest.skip("root may enter everything")
        done = run(arguments, "shut/file")
    finally:
        shut.chmod(0o700)
    assert done.code == 2
    assert re.search("Permission denied|is in a folder that cannot be entered", done.err)
