"""The board's JSON API: the values of the pages, in the form that the commands print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from boards import Pages
from projects import ROUTES
from streamroute.board.api.answers import LONGEST, answer
from streamroute.board.api.listing import ENDPOINTS

if TYPE_CHECKING:
    from projects import Project

FAIL = "name: fails, type: f, handler: jobs.fail, retry: {max_attempts: 2, delay: 10ms}"
LATER = "name: later, type: l, handler: jobs.fail, retry: {max_attempts: 2, delay: 1h}"
HIDING = ROUTES.replace("routes:", "redact: [email]\nroutes:")


def read(pages: Pages, path: str) -> Any:
    """Return the JSON value at a path that must be there."""
    found = pages.get(path)
    assert found.status_code == 200, found.text
    assert found.headers["content-type"] == "application/json"
    return found.json()


def printed(project: Project, *words: str) -> Any:
    """Return the JSON value that a command prints."""
    done = project.run(*words, "--format", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def run(project: Project, *events: object) -> Pages:
    """Run events to their ends, but for retries that wait."""
    project.run("serve", "--feed", str(project.feed(*map(json.dumps, events))), "--drain")
    return Pages(project)


def test_every_endpoint_is_listed_and_answers(project: Project) -> None:
    project.routes(FAIL)
    pages = Pages(project)
    listed = {each["path"] for each in read(pages, "/api")["endpoints"] if each["method"] == "GET"}
    assert listed == {f"/api{endpoint.path}" for endpoint in ENDPOINTS}
    for endpoint in ENDPOINTS:
        if "{" not in endpoint.path:
            read(pages, f"/api{endpoint.path}")


def test_values_are_those_that_commands_print(project: Project) -> None:
    project.routes(FAIL, LATER)
    pages = run(project, {"type": "f", "n": 1}, {"type": "f", "n": 2})
    project.run("pause", "later", "--reason", "<rate>", "--as", "alice")
    assert read(pages, "/api/paused") == printed(project, "paused")
    assert read(pages, "/api/audit") == printed(project, "audit")
    assert read(pages, "/api/jobs") == {**printed(project, "jobs", "list"), "problems": []}
    failures, printed_groups = read(pages, "/api/failures"), printed(project, "dead", "groups")
    assert failures.pop("left_out") == 0
    for group in (*failures["groups"], *printed_groups["groups"]):
        del group["minutes"], group["hours"]  # they move with the clock
    assert failures == printed_groups
    status = read(pages, "/api/status")
    assert status.keys() == printed(project, "status").keys()
    assert [each["stream"] for each in status["streams"]] == ["events"]
    routes = sorted(read(pages, "/api/routes")["routes"], key=lambda route: route["line"])
    for route in routes:
        assert (route.pop("stream"), route.pop("activity")["rate"]) == ("events", 0)
        route["file"] = Path(route["file"]).name  # these pages read it by its absolute path
    assert routes == printed(project, "routes")


def test_a_failure_leads_to_its_letters_and_messages(project: Project) -> None:
    project.routes(FAIL, head=HIDING)
    pages = run(project, *({"type": "f", "n": number, "email": "secret@example.com"} for number in range(3)))
    [group] = read(pages, "/api/failures?state=open")["groups"]
    assert read(pages, "/api/failures?state=resolved")["groups"] == []
    path = f"/api/failures/events/{group['group']}"
    failure = read(pages, path)
    assert (failure["count"], failure["scanned"], failure["next"]) == (3, 3, None)
    first, *_ = failure["letters"]
    assert len(failure["letters"]) == 3
    assert len(read(pages, f"{path}?where=n > `1`")["letters"]) == 1
    assert read(pages, f"{path}?where=email == 'secret@example.com'")["letters"] == []
    assert len(read(pages, f"{path}?after={first['id']}")["letters"]) == 2
    letter = read(pages, f"/api/letters/events/{first['id']}")
    assert letter.pop("refusal") is None
    assert letter == printed(project, "dead", "show", first["id"])
    message = read(pages, f"/api/messages/events/{first['entry']}")
    assert [each["id"] for each in message["letters"]] == [first["id"]]
    assert message["fields"].keys() == letter["fields"].keys()
    assert "secret" not in json.dumps([failure, letter, message])


def test_retries_and_the_configuration(project: Project) -> None:
    project.routes(LATER, "name: never, type: r, handler: jobs.ok, enabled: false")
    running = project.start("serve", "--state-dir", "state")
    running.expect_log("serving")
    project.run("publish", "events", str(project.feed(json.dumps({"type": "l", "n": 1}))))
    running.expect_log("retry")
    pages = Pages(project)
    retries = read(pages, "/api/retries?route=later")
    assert [each["routes"] for each in retries["retries"]] == [["later"]]
    assert read(pages, "/api/retries?route=never")["total"] == 0
    config = read(pages, "/api/config")
    assert [each["code"] for each in config["findings"]] != []
    assert [each["generation"] for each in config["generations"] if each["current"]] == [config["generation"]]
    message = read(pages, f"/api/messages/events/{retries['retries'][0]['id']}")
    assert message["retries"] == [{**retries["retries"][0], "wait": message["retries"][0]["wait"]}]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/missing", 404),
        ("/api/failures/events/missing", 404),
        ("/api/letters/events/1-1", 404),
        ("/api/letters/<script>/1-1", 404),
        ("/api/messages/events/x", 404),
        ("/api/routes?stream=other", 400),
    ],
)
def test_errors_are_json(project: Project, path: str, status: int) -> None:
    project.routes(FAIL)
    refusal = Pages(project).get(path)
    assert refusal.status_code == status
    assert refusal.json().keys() == {"error"}


def test_a_failure_refuses_what_is_no_filter(project: Project) -> None:
    project.routes(FAIL)
    pages = run(project, {"type": "f", "n": 1})
    [group] = read(pages, "/api/failures")["groups"]
    path = f"/api/failures/events/{group['group']}"
    for query in ("where=n >", f"where={'a' * 3000}", "after=x"):
        refusal = pages.get(f"{path}?{query}")
        assert (refusal.status_code, refusal.json().keys()) == (400, {"error"})


def test_texts_of_a_letter_are_bounded(project: Project) -> None:
    project.routes(FAIL)
    pages = run(project, {"type": "f", "n": "x" * 200_000})
    [group] = read(pages, "/api/failures")["groups"]
    [row] = read(pages, f"/api/failures/events/{group['group']}")["letters"]
    letter = read(pages, f"/api/letters/events/{row['id']}")
    assert letter["cut"] is True
    assert max(map(len, letter["fields"].values())) <= LONGEST
    assert len(pages.get(f"/api/letters/events/{row['id']}").content) < 4 * LONGEST


def test_a_viewer_may_not_act(project: Project) -> None:
    """Only operators may act: the error of others is JSON, too."""
    project.routes(FAIL)
    refusal = Pages(project).post("/api/act/retry-failure", {"dry_run": "yes"}, form="")
    assert refusal.status_code == 403
    assert "may read the board" in refusal.json()["error"]


def test_texts_that_cannot_be_encoded_are_escaped() -> None:
    body = answer({"a\ud800": ["\udfff", "\U0001f600"]}).body
    assert json.loads(bytes(body)) == {"a\\ud800": ["\\udfff", "\U0001f600"]}
