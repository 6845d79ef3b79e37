"""``streamroute board`` and ``serve --http``, as users run them."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from boards import board_url, browser, text_of
from projects import ROUTES, is_gone
from servers import wait_until

if TYPE_CHECKING:
    from projects import Done, Project, Running

OK = "name: runs, type: r, handler: jobs.ok"
MORE = "name: more, type: m, handler: jobs.ok"


def board_pid(running: Running) -> int:
    """Return the process of the board that a router started."""
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
    [pid] = [int(child) for child in children if b"board" in Path(f"/proc/{child}/cmdline").read_bytes()]
    return pid


def refused(project: Project, *words: str) -> Done:
    done = project.run("board", "--http", "0", *words)
    assert done.code == 1
    assert "Traceback" not in done.err
    return done


def test_a_board_shows_a_router_that_does_not_run(project: Project) -> None:
    project.routes(OK)
    running = project.start("board", "--http", "0")
    with browser(board_url(running)) as client:
        assert "events tests" in text_of(client.get("/").text)
        assert client.get("/readyz").text == "ok\n"
        assert client.get("/metrics").status_code == 404
        assert client.get("/missing").status_code == 404
    assert running.signal(signal.SIGTERM).end().code == 0


def test_a_board_of_several_services_lists_them(project: Project) -> None:
    project.routes(OK)
    other = project.write("other/routes.yaml", ROUTES + f"  - {{{OK}}}\n")
    project.write("other/jobs.py", (project.folder / "jobs.py").read_text())
    running = project.start("board", "routes.yaml", str(other), "--http", "0", "--http-prefix", "/tools")
    with browser(board_url(running)) as client:
        page = client.get("/").text
        names = re.findall(r'href="/tools/([^"/]+)/"', page)
        assert "other" in names
        assert client.get("/other/routes").status_code == 200


def test_a_board_whose_redis_is_away_says_so(project: Project) -> None:
    project.env["REDIS_URL"] = "redis://:secret@127.0.0.1:1/0"
    project.routes(OK)
    running = project.start("board", "--http", "0")
    with browser(board_url(running)) as client:
        answer = client.get("/")
        assert answer.status_code == 503
        assert "refuses the connection" in text_of(answer.text)
        assert client.get("/config").status_code == 200
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
    assert "secret" not in answer.text + running.err


@pytest.mark.parametrize("workers", [[], ["--workers", "1"]])
def test_a_router_runs_its_board(project: Project, workers: list[str]) -> None:
    project.routes(OK)
    running = project.start("serve", "--http", "0", "--reload", *workers)
    with browser(board_url(running)) as client:
        wait_until(lambda: client.get("/readyz").status_code == 200, "the readiness of the router")
        assert "streamroute_up" in client.get("/metrics").text
        assert "alive" in text_of(client.get("/").text)
        first = board_pid(running)
        os.kill(first, signal.SIGKILL)
        running.expect_log("the board exited (code -9); it starts again")
        assert client.get("/config").status_code == 200
        second = board_pid(running)
        project.routes(OK, MORE)
        wait_until(lambda: "more" in text_of(client.get("/routes").text), "the new route on the board")
        project.routes(OK, "name: more, type: m, handlr: jobs.ok")
        wait_until(lambda: "refused" in text_of(client.get("/config").text), "the refused reload")
    assert running.signal(signal.SIGTERM).end().code == 0
    wait_until(lambda: is_gone(second), "the end of the board")


def test_the_board_ends_with_a_router_that_is_killed(project: Project) -> None:
    project.routes(OK)
    running = project.start("serve", "--http", "0")
    with browser(board_url(running)) as client:
        assert client.get("/config").status_code == 200
    pid = board_pid(running)
    running.signal(signal.SIGKILL).end()
    wait_until(lambda: is_gone(pid), "the end of the board")


def test_an_address_in_use_stops_the_start(project: Project) -> None:
    project.routes(OK)
    url = board_url(project.start("board", "--http", "0"))
    done = project.run("serve", "--http", url.rpartition(":")[2])
    assert done.code == 1
    assert "--http cannot listen on 127.0.0.1" in done.err


def test_unsafe_access_is_refused(project: Project) -> None:
    project.routes(OK)
    assert (
        "an address that others reach needs --http-tokens" in project.run("board", "--http", "0.0.0.0:0").err
    )
    assert (
        "not an address or a network" in refused(project, "--http-user-header", "X", "--http-proxy", "y").err
    )
    assert "token file" in refused(project, "--http-tokens", "missing").err
    assert project.run("board", "--http", "0", "--http-user-header", "a b").code == 2
    assert project.run("board", "--http", "0", "--http-prefix", "a").code == 2
    assert project.run("board", "--http", "0", "--http-trace-url", "javascript:{trace_id}").code == 2


def test_an_operator_signs_in_with_a_token_that_is_in_no_output(project: Project) -> None:
    project.routes(OK)
    running = project.start("board", "--http", "0", "--http-admin", "--state-dir", "state")
    url = board_url(running)
    token = (project.folder / "state/board-tokens").read_text().split()[-1]
    with browser(url) as client:
        assert client.get("/").headers["location"] == "/login"
        assert client.get(f"/login?token={token}").status_code == 303
        assert "(operator)" in client.get("/").text
    bearer = {"authorization": f"Bearer {token}"}
    assert httpx.get(f"{url}/", headers=bearer).status_code == 200
    assert httpx.get(f"{url}/api/status").status_code == 401
    status = httpx.get(f"{url}/api/status", headers=bearer).json()
    assert [each["stream"] for each in status["streams"]] == ["events"]
    failure = {"stream": "events", "signature": "missing", "dry_run": "yes"}
    refusal = httpx.post(f"{url}/api/act/retry-failure", headers=bearer, data=failure)
    assert refusal.status_code == 404
    assert "error" in refusal.json()
    done = running.signal(signal.SIGTERM).end()
    assert token not in done.out + done.err
    assert "board-tokens" in done.err
