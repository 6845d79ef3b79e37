"""Events in the shape of GitHub's webhooks, with each value that a route of examples/github compares."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

REPOSITORY = {
    "id": 35,
    "full_name": "octo/shop",
    "private": False,
    "default_branch": "main",
    "language": None,
}
SENDER = {"login": "octocat", "id": 1, "type": "User", "site_admin": False}
BOOLEANS = (False, True)
UNLISTED = (
    "ping", "fork", "star.created", "star.deleted", "watch.started", "label.created", "issues.assigned",
    "issue_comment.created", "pull_request.synchronize", "release.created", "check_run.created",
    "workflow_run.requested", "dependabot_alert.fixed",
)  # fmt: skip
"""Types that no route of the example lists."""


def webhook_events() -> list[dict[str, Any]]:
    """Return all of them: those of listed types and those of others take turns."""
    listed, unlisted = [*_listed()], [_event(name) for name in UNLISTED]
    return [event for turn in zip(listed, unlisted, strict=False) for event in turn] + listed[len(unlisted) :]


def _event(name: str, **fields: Any) -> dict[str, Any]:
    action = name.partition(".")[2]
    return {
        "type": f"github.{name}",
        **({"action": action} if action else {}),
        **fields,
        "repository": REPOSITORY,
        "sender": SENDER,
    }


def _listed() -> Iterator[dict[str, Any]]:
    yield from _pushes()
    yield from _issues()
    yield from _pull_requests()
    yield from _checks()
    for draft, prerelease in product(BOOLEANS, BOOLEANS):
        yield _event(
            "release.published", release={"tag_name": "v1", "draft": draft, "prerelease": prerelease}
        )
    for kind in ("dependabot", "code_scanning", "secret_scanning"):
        yield _event(f"{kind}_alert.created", alert={"number": 3, "state": "open"})


def _pushes() -> Iterator[dict[str, Any]]:
    for ref, deleted in product(("refs/heads/main", "refs/heads/maintenance", "refs/tags/main"), BOOLEANS):
        head = None if deleted else {"id": "a1b2", "message": "Sell hats", "added": ["hats.py"]}
        yield _event("push", ref=ref, deleted=deleted, forced=False, head_commit=head)


def _issues() -> Iterator[dict[str, Any]]:
    labels = ((), ("bug",), ("help wanted", "kind/bug"), ("question",))
    for action, names in product(("opened", "closed", "reopened", "edited", "labeled"), labels):
        issue = {
            "number": 7,
            "title": "Hats",
            "milestone": None,
            "labels": [{"name": name} for name in names],
        }
        yield _event(f"issues.{action}", issue=issue)


def _pull_requests() -> Iterator[dict[str, Any]]:
    sizes = ((600, 400, 50), (600, 401, 1), (0, 0, 51))
    actions = ("opened", "closed", "reopened", "ready_for_review")
    for action, draft, (additions, deletions, files) in product(actions, BOOLEANS, sizes):
        size = {"additions": additions, "deletions": deletions, "changed_files": files}
        yield _event(f"pull_request.{action}", pull_request={"number": 9, "draft": draft, **size})


def _checks() -> Iterator[dict[str, Any]]:
    for kind, conclusion in product(
        ("check_run", "check_suite", "workflow_run"), ("success", "failure", "neutral", None)
    ):
        yield _event(f"{kind}.completed", **{kind: {"id": 4, "name": "ci", "conclusion": conclusion}})
