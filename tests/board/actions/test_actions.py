"""What operators do on the board, on a real server."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from boards import Pages, text_of
from servers import wait_until
from streamroute.board.access.identity import Identity, Role
from streamroute.board.access.policy import AccessPolicy, TrustedProxy, read_networks
from streamroute.board.actions.listing import ACTIONS

if TYPE_CHECKING:
    import httpx

    from projects import Project

FAIL = "name: fails, type: f, handler: jobs.fail, retry: {max_attempts: 1}"
FIXED = "name: fails, type: f, handler: jobs.ok, retry: {max_attempts: 1}"
ALICE = AccessPolicy(
    proxy=TrustedProxy("x-user", read_networks(("127.0.0.1",)), frozenset({"alice"})), allows_actions=True
)


class Operator:
    """Alice, who acts on the board of a project."""

    def __init__(self, project: Project, name: str = "alice", policy: AccessPolicy = ALICE) -> None:
        self.pages = Pages(project, policy, user={"x-user": name})

    def text(self, path: str) -> str:
        return self.pages.text(path)

    def ask(self, action: str, **fields: str) -> httpx.Response:
        return self.pages.post(f"/act/{action}", fields, form="/explain")

    def act(self, action: str, **fields: str) -> str:
        """Confirm an action; return the text of the page that follows."""
        done, page = self.pages.act(f"/act/{action}", {**fields, "confirmed": "yes"})
        assert done.status_code == 303, text_of(done.text)
        assert page is not None
        return text_of(page.text)


def failed(project: Project, count: int) -> dict[str, str]:
    """Make dead letters; return the fields that name their failure."""
    project.routes(FAIL)
    events = [json.dumps({"type": "f", "n": number}) for number in range(count)]
    project.run("serve", "--feed", str(project.feed(*events)), "--drain")
    [group] = json.loads(project.run("dead", "groups", "--format", "json").out)["groups"]
    return {"stream": "events", "signature": group["group"]}


def letters(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(project.run("dead", "list", "--format", "json").out)["letters"]
    return found


def audited(project: Project) -> list[tuple[str, str, str]]:
    rows = json.loads(project.run("audit", "--format", "json").out)
    return [
        (row["action"], row["who"], row["result"])
        for row in (rows if isinstance(rows, list) else rows["actions"])
    ]


def test_an_action_asks_first_and_says_how_many(project: Project) -> None:
    failure = failed(project, 3)
    operator = Operator(project)
    answer = operator.ask("drop-failure", **failure)
    assert answer.status_code == 200
    assert "Delete 3 dead letters for good?" in text_of(answer.text)
    assert project.dead() == 3


def test_a_failure_is_deleted(project: Project) -> None:
    failure = failed(project, 3)
    text = Operator(project).act("drop-failure", **failure, reason="<b>tests</b>")
    assert "3 dead letters are being deleted" in text or "no such failure" in text
    wait_until(lambda: project.dead() == 0, "the deletion")
    wait_until(lambda: ("dead drop", "alice", "done") in audited(project), "the audit record")


def test_only_the_letters_that_a_filter_selects_are_deleted(project: Project) -> None:
    failure = failed(project, 3)
    operator = Operator(project)
    assert "Delete 2 dead letters" in text_of(operator.ask("drop-failure", **failure, where="n > `0`").text)
    operator.act("drop-failure", **failure, where="n > `0`")
    wait_until(lambda: project.dead() == 1, "the deletion of two")
    assert operator.ask("drop-failure", **failure, where="n >").status_code == 400


def test_a_failure_is_retried_at_a_rate_and_resolved(project: Project) -> None:
    failure = failed(project, 5)
    project.routes(FIXED)
    running = project.start("serve")
    running.expect_log("serving")
    operator = Operator(project)
    question = text_of(operator.ask("retry-failure", **failure, rate="50/s", stop_after="2").text)
    assert "Retry 5 dead letters, at most 50 a second?" in question
    assert "It stops when 2 messages failed again." in question
    text = operator.pages.act_and_wait(
        "/act/retry-failure",
        {**failure, "rate": "50/s", "confirmed": "yes"},
        "/jobs",
        lambda html: "done" in text_of(html),
    )
    assert "retried 5" in text_of(text)
    assert project.dead() == 0
    assert {f"ok {number}" for number in range(5)} <= set(project.ledger)


@pytest.mark.parametrize(
    "fields", [{"rate": "50"}, {"rate": "0/s"}, {"rate": "x"}, {"stop_after": "0"}, {"stop_after": "x"}]
)
def test_a_pace_that_is_none_is_refused(project: Project, fields: dict[str, str]) -> None:
    assert Operator(project).ask("retry-failure", **failed(project, 1), **fields).status_code == 400


def test_a_failure_is_resolved_and_opened_again(project: Project) -> None:
    failure = failed(project, 1)
    operator = Operator(project)
    assert "the failure is resolved" in operator.act("resolve", **failure, reason="fixed in 1.2")
    assert "resolved" in operator.text("/failures?state=resolved")
    assert "by alice: fixed in 1.2" in operator.text(f"/failures/events/{failure['signature']}")
    assert "the failure is open again" in operator.act("reopen", **failure)


@pytest.mark.parametrize(("action", "button"), [("resolve", "Mark as resolved"), ("reopen", "Open again")])
def test_a_failure_whose_letters_are_gone_can_still_be_marked(
    project: Project, action: str, button: str
) -> None:
    failure = failed(project, 1)
    assert project.run("dead", "drop", "--all", "--yes").code == 0
    page = Operator(project).ask(action, **failure).text
    assert "It has no dead letters now." in text_of(page)
    assert f'<button class="primary">{button}</button>' in page


def test_a_letter_is_retried_or_deleted_once(project: Project) -> None:
    failed(project, 2)
    first, second = (letter["id"] for letter in letters(project))
    operator = Operator(project)
    assert "Run this message again" in text_of(operator.ask("retry-letter", stream="events", id=first).text)
    assert "the message runs again" in operator.act("retry-letter", stream="events", id=first)
    assert "the dead letter is deleted" in operator.act("drop-letter", stream="events", id=second)
    for action in ("retry-letter", "drop-letter"):
        answer = operator.ask(action, stream="events", id=second)
        assert answer.status_code == 404
        assert "somebody retried, dropped or edited it meanwhile" in answer.text
    assert project.dead() == 0


def test_a_route_and_a_stream_are_paused_and_resumed(project: Project) -> None:
    project.routes(FAIL)
    operator = Operator(project)
    for fields in ({"route": "fails"}, {"stream": "events"}):
        assert "paused the" in operator.act("pause", **fields, **{"for": "2h", "reason": "night"})
        assert "night" in project.run("paused").out
        assert "resumed the" in operator.act("resume", **fields)
        assert "was not paused" in operator.act("resume", **fields)
    assert operator.ask("pause", route="missing").status_code == 400
    assert operator.ask("pause", route="fails", **{"for": "x"}).status_code == 400
    assert operator.ask("pause").status_code == 400


@pytest.mark.parametrize("action", [action.name for action in ACTIONS])
def test_nobody_acts_without_being_allowed(project: Project, action: str) -> None:
    project.routes(FAIL)
    read_only = AccessPolicy(proxy=ALICE.proxy)
    assert Operator(project, "carol").ask(action).status_code == 403
    assert Operator(project, policy=read_only).ask(action).status_code == 403
    assert Pages(project).post(f"/act/{action}", {}, form="/explain").status_code == 403
    assert (
        Pages(project, ALICE, user={"x-user": "alice"}).post(f"/act/{action}", {}, form="").status_code == 403
    )


@pytest.mark.parametrize("action", [action.name for action in ACTIONS])
def test_fields_that_are_no_use_are_refused(project: Project, action: str) -> None:
    project.routes(FAIL)
    operator = Operator(project)
    for fields in (
        {},
        {"stream": "x" * 10_000},
        {"stream": "events", "id": "\0", "signature": "<b>", "job": "?"},
    ):
        for answer in (operator.ask(action, **fields), operator.ask(action, **fields, confirmed="yes")):
            assert answer.status_code in (200, 303, 400, 404, 500)
            assert "Traceback" not in answer.text
            assert "<b>" not in answer.text


def test_a_program_acts_over_the_api(project: Project) -> None:
    failure = failed(project, 2)
    operator = Operator(project)
    dry = operator.pages.post("/api/act/drop-failure", {**failure, "dry_run": "yes"}, form="/explain")
    assert dry.json() == {
        "action": "drop-failure",
        "dry_run": True,
        "count": 2,
        "text": "Delete 2 dead letters for good? Their messages are lost.",
    }
    done = operator.pages.post("/api/act/resolve", failure, form="/explain")
    assert done.json()["done"] is True


def test_a_name_cannot_break_the_page(project: Project) -> None:
    project.routes(FAIL)
    html = Pages(project, ALICE, user={"x-user": "<script>alert(1)</script>"}).get("/").text
    assert not re.search("<script>alert", html)
    assert Identity("x", Role.VIEWER).is_operator is False
