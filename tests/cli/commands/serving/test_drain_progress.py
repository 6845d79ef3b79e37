"""``serve --drain`` on a terminal shows how many entries are left, and leaves nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from projects import ROUTES
from terminals import on_terminal

if TYPE_CHECKING:
    from projects import Project


def test_the_progress_is_erased_at_the_end(project: Project) -> None:
    project.routes("name: late, type: t, handler: jobs.fail_once, retry: {max_attempts: 2, delay: 1500ms}")
    feed = project.feed('{"type": "t", "n": 1}')
    screen = on_terminal(project, "serve", "--feed", str(feed), "--drain", columns=80)
    assert screen.code == 0, screen.raw
    assert "1 entry left, 1 waits for a retry" in screen.raw
    assert not any("left" in line for line in screen.lines)
    assert screen.lines[-2:] == [
        "stream  route  matched  succeeded  failed",
        "events  late         1          1       0",
    ]


@pytest.mark.parametrize("columns", [80, 60])
def test_the_summary_fits_the_terminal(project: Project, columns: int) -> None:
    long = "welcome-the-guest-" * 7
    routes = (
        f"name: {long}{n}, type: t, handler: jobs.ok, stream: {stream}"
        for n, stream in ((1, "events"), (2, "others"))
    )
    head = ROUTES.replace("routes:", "  others: {group: tests}\nroutes:")
    project.routes(*routes, head=head)
    feed = project.feed('{"type": "t", "n": 1}')
    screen = on_terminal(
        project, "serve", "--feed", str(feed), "--feed-stream", "events", "--drain", columns=columns
    )
    assert screen.code == 0, screen.raw
    assert screen.lines[-3].split() == ["stream", "route", "matched", "succeeded", "failed"]
    assert all(len(line) <= columns for line in screen.lines[-3:])


def test_a_pipe_gets_no_progress(project: Project) -> None:
    project.routes("name: late, type: t, handler: jobs.fail_once, retry: {max_attempts: 2, delay: 1500ms}")
    done = project.run("serve", "--feed", str(project.feed('{"type": "t", "n": 1}')), "--drain")
    assert done.code == 0
    assert "\x1b" not in done.err
    assert "left" not in done.err
