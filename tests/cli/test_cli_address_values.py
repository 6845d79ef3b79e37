"""A variable's value in the Redis address appears in no error, no log and no metric, whatever fails."""

from __future__ import annotations

import re
import secrets
import urllib.request
from collections.abc import Callable

import pytest

from projects import Done, Project
from servers import RealServer, free_port

NAMES = ("USER_NAME", "PW", "HOST", "PORT", "DB", "CLIENT", "PATH_")
URL = "redis://${USER_NAME}:${PW}@${HOST}:${PORT}/${DB}?client_name=${CLIENT}"
COMMANDS = (("publish", "s", "--type", "t"), ("dead", "list"), ("test", "--redis"), ("serve",))


def routes(url: str) -> str:
    return f"""\
version: 1
redis: {{url: "{url}"}}
streams: {{s: {{group: g}}}}
routes: [{{name: r, type: t, handler: streamroute.handlers.log}}]
"""


@pytest.fixture
def project(lone_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(lone_project.folder)
    lone_project.write(
        "routes.test.yaml",
        "version: 1\ntests: [{name: n, stream: s, message: {stream: s, id: 1-1}, routes: []}]",
    )
    values = {
        "USER_NAME": "shop",
        "PW": "hunter2",
        "HOST": "127.0.0.1",
        "PORT": "1",
        "DB": "7",
        "CLIENT": "c",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return lone_project


def said(command: Callable[..., Done], *arguments: str) -> str:
    done = command(*arguments)
    assert done.code in (1, 4), done
    return done.out + done.err


def marks(monkeypatch: pytest.MonkeyPatch, **values: str) -> list[str]:
    """Set variables, each with its own mark for ``{}``; return the marks."""
    made = []
    for name, value in values.items():
        mark = f"q{secrets.token_hex(6)}"
        monkeypatch.setenv(name, value.replace("{}", mark))
        made.append(mark)
    return made


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("url", "values"),
    [
        (URL, {"HOST": "{} x", "PW": "{}", "USER_NAME": "{}", "CLIENT": "{}"}),
        (URL, {"PW": "{}", "USER_NAME": "{}", "CLIENT": "{}"}),
        (URL, {"HOST": "{}" * 6}),
        (URL, {"PORT": "{}"}),
        (URL, {"DB": "{}"}),
        (URL, {"CLIENT": "{}\nx#y"}),
        ("unix://${PATH_}", {"PATH_": "/nowhere/{}"}),
        ("unix://${PATH_}", {"PATH_": "/{}" * 20}),
        ("redis+sentinel://${HOST}/${DB}", {"HOST": "{} x", "DB": "{}"}),
        ("redis+cluster://${HOST}", {"HOST": "{} x"}),
        ("rediss://${HOST}?ssl_ca_certs=${PATH_}", {"HOST": "{} x", "PATH_": "/nowhere/{}"}),
        ("rediss://127.0.0.1:1?ssl_ca_certs=${PATH_}", {"PATH_": "/nowhere/{}"}),
        ("embedded:${PATH_}", {"PATH_": "/proc/{}"}),
        ("${PATH_}", {"PATH_": "redis://{}:{}@{} x:6379/0?client_name={}"}),
        ("${PATH_}", {"PATH_": "{}"}),
    ],
)
def test_no_error_shows_the_value_of_a_variable(
    project: Project,
    command: Callable[..., Done],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    url: str,
    values: dict[str, str],
) -> None:
    project.write("routes.yaml", routes(url))
    secret = marks(monkeypatch, **values)
    shown = said(command, *arguments)
    assert not [mark for mark in secret if mark in shown], shown
    assert "${" in shown or "environment variable" in shown


def test_server_errors_show_neither_user_nor_password(
    start_server: Callable[..., RealServer],
    project: Project,
    command: Callable[..., Done],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = start_server(port=free_port())
    monkeypatch.setenv("PORT", str(server.port))
    user, password = marks(monkeypatch, USER_NAME="{}", PW="{}")
    project.write("routes.yaml", routes(URL))
    refused = said(command, "publish", "s", "--type", "t")
    server.command("ACL", "SETUSER", user, "on", f">{password}", "-@all")
    denied = said(command, "publish", "s", "--type", "t")
    assert "refuses the user or the password" in refused
    assert "does not permit this user" in denied
    for mark in (user, password, str(server.port)):
        assert mark not in refused + denied


def test_logs_and_metrics_of_a_lost_server_name_no_address(
    start_server: Callable[..., RealServer], lone_project: Project
) -> None:
    port, metrics, mark = free_port(), free_port(), f"q{secrets.token_hex(6)}"
    server = start_server(port=port)
    url = "redis://${HOST}:${PORT}/${DB}?client_name=${CLIENT}"
    lone_project.write("routes.yaml", routes(url))
    lone_project.env.update({"HOST": "localhost", "PORT": str(port), "CLIENT": mark, "DB": "3"})
    serving = lone_project.start("serve", "--metrics", str(metrics), "--log-level", "debug")
    serving.expect_log("stream s")
    server.kill()
    serving.expect_log("failed; retrying").expect_log("cannot connect to the server: Connection refused")
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics") as answer:
        page = answer.read().decode()
    shown = serving.err + page
    assert f"from {url}" in shown
    assert not [text for text in (mark, "localhost", "::1") if text in shown], shown
    assert not re.search(rf"(?<![\d.]){port}(?![\d.])", shown), shown  # as a number of its own
