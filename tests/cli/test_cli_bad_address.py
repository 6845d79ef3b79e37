"""A wrong Redis address, and an unusable server: each command says in one line what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servers import RealServer, free_port, valkey_binary

if TYPE_CHECKING:
    from projects import Project

COMMANDS = [
    ("serve", "--drain"),
    ("publish", "events", "--type", "t"),
    ("dead", "list"),
    ("dead", "retry", "--all"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_the_variable_is_named_and_nothing_of_its_value_is_shown(
    lone_project: Project, words: tuple[str, ...]
) -> None:
    lone_project.routes("name: ok, type: t, handler: jobs.ok")
    lone_project.env["REDIS_URL"] = "redis://:S3c#ret@redis.example.org:6379"
    done = lone_project.run(*words)
    assert done.code == 1
    assert 'SR502]: the value of the environment variable "REDIS_URL" is not a valid Redis URL' in done.out
    assert "in a password, write / as %2F, ? as %3F, # as %23" in done.out
    for part in ("S3c", "ret@", "redis.example.org"):
        assert part not in done.out + done.err


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_server_that_wants_a_password_is_4_and_one_line(
    lone_project: Project, words: tuple[str, ...]
) -> None:
    lone_project.routes("name: ok, type: t, handler: jobs.ok")
    with RealServer(valkey_binary(), port=free_port(), options=["--requirepass", "hunter2"]) as server:
        lone_project.env["REDIS_URL"] = server.url
        done = lone_project.run(*words)
    assert (done.code, done.out) == (4, "")
    [line] = done.err.splitlines()
    assert line.endswith("write redis://:PASSWORD@HOST or redis://USER:PASSWORD@HOST")


def test_check_needs_no_server_and_names_the_variable(lone_project: Project) -> None:
    lone_project.routes("name: ok, type: t, handler: jobs.ok")
    lone_project.env["REDIS_URL"] = "redis+sentinel://127.0.0.1:1/main"
    assert lone_project.run("check").code == 0
    lone_project.env["REDIS_URL"] = "redis+sentinel://127.0.0.1:1"
    done = lone_project.run("check", "--format", "concise")
    assert done.code == 1
    assert "write redis+sentinel://HOST:26379,HOST:26379/NAME/0" in done.out
