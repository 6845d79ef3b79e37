"""Payload filters that visitors type see what visitors see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from boards import Pages
from projects import ROUTES
from streamroute.adapters.jobs.job import Job
from streamroute.board.conditions import payload_condition
from streamroute.compiler.pipeline import check_path
from streamroute.ops.dead_letters.filter import DeadLetterFilter
from streamroute.ops.paced_retry.selection import LetterSelection

if TYPE_CHECKING:
    from projects import Project
    from streamroute.ops.dead_letters.payloads import PayloadCondition

FAIL = "name: fails, type: f, handler: jobs.fail, retry: {max_attempts: 1}"
HIDING = ROUTES.replace("routes:", "redact: [email]\nroutes:")
NOTE = "The filter sees hidden fields as (redacted)."


def failed(project: Project, head: str) -> tuple[Pages, str]:
    """Run one event to its end; returns the pages, and the address of its failure."""
    project.routes(FAIL, head=head)
    event = {"type": "f", "n": 1, "email": "a@example.com"}
    project.run("serve", "--feed", str(project.feed(json.dumps(event))), "--drain")
    pages = Pages(project)
    html = pages.get("/failures").text
    return pages, html.partition('href="/failures/events/')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("where", "is_found"),
    [
        ("email == 'a@example.com'", False),
        ("starts_with(email, 'a')", False),
        ("length(email) == `13`", False),
        ("email == '(redacted)' && n == `1`", True),
    ],
)
def test_a_filter_tells_nothing_about_hidden_values(project: Project, where: str, is_found: bool) -> None:
    pages, signature = failed(project, HIDING)
    failure = pages.text(f"/failures/events/{signature}?where={where}")
    assert ("None of 1 letter." not in failure) is is_found
    tail = pages.text(f"/tail?where={where}")
    assert ("fails" in tail.partition("Watching consumes nothing.")[2]) is is_found
    assert NOTE in failure
    assert NOTE in tail


def test_a_filter_sees_everything_where_nothing_is_hidden(project: Project) -> None:
    pages, signature = failed(project, ROUTES)
    where = "where=email == 'a@example.com'"
    failure, tail = pages.text(f"/failures/events/{signature}?{where}"), pages.text(f"/tail?{where}")
    assert "None of" not in failure
    assert "a@example.com" in tail
    assert NOTE not in failure + tail


def test_a_job_of_the_board_keeps_what_its_filter_sees(project: Project) -> None:
    """A resumed job selects the same letters, from the command line too."""
    project.routes(FAIL, head=HIDING)
    document = check_path(project.folder / "routes.yaml", env=project.env, imports=False).document
    assert document is not None
    condition = payload_condition(document, "email == 'x'")
    packed = LetterSelection(criteria=DeadLetterFilter(where=condition)).pack()
    seen: list[bool] = []

    def build(expression: str, /, *, redacted: bool) -> PayloadCondition:
        seen.append(redacted)
        return payload_condition(document, expression, redacted=redacted)

    for selection in (packed, {**packed, "redacted": False}):
        LetterSelection.of(Job(id="a", kind="retry", selection=selection), build)
    assert seen == [True, False]
