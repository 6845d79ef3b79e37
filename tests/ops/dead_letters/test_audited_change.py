"""Retries and drops of dead letters are in the audit log of their group."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from letters import FAIL, OK, put

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Done, Project


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that is this process's working folder."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    project.routes(OK, FAIL)
    return project


def actions(command: Callable[..., Done]) -> list[tuple[str, str, int | None, str, str]]:
    """Return what is recorded, oldest first: action, target, count, result, reason."""
    found = json.loads(command("audit", "--format", "json").out)["actions"]
    names = ("action", "target", "count", "result", "reason")
    return [tuple(one[name] for name in names) for one in found[::-1]]


def test_a_bulk_change_is_recorded_when_it_starts_and_ends(
    shop: Project, command: Callable[..., Done]
) -> None:
    for n in range(3):
        put(shop, route="fail" if n else "ok")
    command("dead", "retry", "--route", "ok", "--why", "deployed", "--as", "kim")
    command("dead", "drop", "--all", "--yes", "--why", "old")
    assert actions(command) == [
        ("dead retry", "routes ok", None, "started", "deployed"),
        ("dead retry", "routes ok", 1, "done", "deployed"),
        ("dead drop", "all", None, "started", "old"),
        ("dead drop", "all", 2, "done", "old"),
    ]


def test_a_letter_that_is_named_has_one_record(shop: Project, command: Callable[..., Done]) -> None:
    letter = put(shop)
    command("dead", "drop", letter, "--yes")
    assert actions(command) == [("dead drop", f"ids {letter}", 1, "done", "")]


def test_a_dry_run_and_a_change_of_nothing_are_not_recorded(
    shop: Project, command: Callable[..., Done]
) -> None:
    put(shop)
    command("dead", "drop", "--all", "--dry-run")
    command("dead", "retry", "--all", "--dry-run")
    command("dead", "drop", "--older", "1d", "--yes")
    assert actions(command) == []
