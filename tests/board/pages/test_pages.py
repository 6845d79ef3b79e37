"""The pages of a project on a real server, empty and busy."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from boards import Pages, text_of
from projects import ROUTES
from servers import wait_until

if TYPE_CHECKING:
    from projects import Project

OK = "name: runs, type: r, handler: jobs.ok, filter: n > `0`"
OFF = "name: off, type: r, handler: jobs.ok, enabled: false"
WAIT = "name: waits, type: w, handler: jobs.wait"


@pytest.mark.parametrize("path", ["/", "/routes", "/config"])
def test_a_page_of_a_router_that_has_never_run(project: Project, path: str) -> None:
    project.routes(OK)
    assert Pages(project).get(path).status_code == 200


def test_the_overview_shows_streams_workers_and_what_they_run(project: Project) -> None:
    project.routes(OK, WAIT)
    assert "events tests no worker yet" in Pages(project).text("/")
    running = project.start("serve")
    running.expect_log("serving")
    project.run("publish", "events", str(project.feed(json.dumps({"type": "w", "n": 1}))))
    project.notes("started 1")
    wait_until(lambda: "in waits for" in Pages(project).text("/"), "the running entry on the page")
    text = Pages(project).text("/")
    assert "alive" in text
    assert "No worker is running" not in text


def test_the_routes_are_drawn_and_listed(project: Project) -> None:
    project.routes(OK, OFF)
    html = Pages(project).get("/routes").text
    assert html.count("<svg") == 1
    assert "n &gt; `0`" in html
    text = Pages(project).text("/routes")
    assert "runs events on 0 0" in text
    assert "off events disabled" in text


def test_one_stream_is_selected(project: Project) -> None:
    project.routes(OK)
    assert "runs events" in Pages(project).text("/routes?stream=events")
    answer = Pages(project).get("/routes?stream=<other>")
    assert answer.status_code == 400
    assert "the stream &#34;&lt;other&gt;&#34; is not configured" in answer.text


def test_the_configuration_has_its_findings(project: Project) -> None:
    project.routes(OK, "name: never, type: r, handler: jobs.ok, filter: n == `1` && n == `2`")
    text = Pages(project).text("/config")
    assert "1 stream, 2 routes, 0 message types" in text
    assert "SR" in text.partition("Findings")[2].partition("Last change")[0]
    assert "No generation is stored on this machine" in text


def test_the_configuration_shows_what_changed_last(project: Project) -> None:
    for routes in ([OK], [OK, WAIT]):
        project.routes(*routes)
        running = project.start("serve", "--state-dir", "state", "--reload")
        running.expect_log("serving")
        running.process.terminate()
        running.end()
    text = Pages(project).text("/config")
    assert "+ - {name: waits, type: w, handler: jobs.wait}" in text
    assert "1 route added: waits" in text


def explain(project: Project, event: str, **more: str) -> str:
    answer = Pages(project).post("/explain", {"event": event, **more})
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


def test_a_pasted_event_is_explained(project: Project) -> None:
    project.routes(OK, OFF)
    text = explain(project, '{"type": "r", "n": 0}', stream="events")
    assert "0 of 2 routes of the type r match" in text
    assert "runs does not match" in text
    assert "n > `0` false" in text
    assert "off is disabled (it matches)" in text


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ("{", "the event"),
        ("[1]", "the event must be a JSON object"),
        ("{}", '"type" of the event must be a string'),
        ('{"type": "<b>"}', "No route matches the type <b>"),
        ('{"type": "r", "n": ' + "[" * 5000, "the event"),
        (json.dumps({"type": "r", "x": "y" * 1_000_000}), "runs does not match"),
    ],
)
def test_any_text_is_explained_or_refused(project: Project, event: str, text: str) -> None:
    project.routes(OK)
    assert text in explain(project, event)


def test_a_form_of_another_site_is_refused(project: Project) -> None:
    project.routes(OK)
    assert Pages(project).post("/explain", {"event": "{}"}, form="").status_code == 403


FAIL = "name: fails, type: f, handler: jobs.fail, retry: {max_attempts: 2, delay: 10ms}"
LATER = "name: later, type: l, handler: jobs.fail, retry: {max_attempts: 2, delay: 1h}"


def failed(project: Project, *kinds: str) -> None:
    """Run events of these types to their ends, but for retries that wait."""
    events = [json.dumps({"type": kind, "n": number}) for number, kind in enumerate(kinds)]
    project.run("serve", "--feed", str(project.feed(*events)), "--drain")


def first_link(html: str, start: str) -> str:
    """Return the address of the first link that starts so."""
    found = re.search(f'href="({re.escape(start)}[^"]*)"', html)
    assert found, html
    return found[1]


def test_dead_letters_are_shown_as_failures(project: Project) -> None:
    project.routes(FAIL)
    assert "No dead letters." in Pages(project).text("/failures")
    failed(project, "f", "f", "f")
    pages = Pages(project)
    html = pages.get("/failures").text
    assert "3 dead letters in 1 failure" in text_of(html)
    failure = first_link(html, "/failures/events/")
    text = pages.text(failure)
    assert "3 now, 3 in all" in text
    assert text.count("no such guest") >= 3
    assert "None of 3 letters." in pages.text(f"{failure}?where=n > `99`")
    assert pages.get(f"{failure}?where=n >").status_code == 400
    assert pages.get(f"{failure}?after=x").status_code == 400
    assert pages.get("/failures/events/missing").status_code == 404
    assert pages.get("/failures/missing/x").status_code == 404
    assert "3 now" not in pages.text("/route/fails")
    assert "no such guest" in pages.text("/route/fails")
    letter = first_link(pages.get(failure).text, "/letter/events/")
    text = pages.text(letter)
    assert "attempt 1 in fails" in text
    assert "Traceback" in text
    assert "fails matches" in text
    assert "Can run again yes" in text
    message = first_link(pages.get(letter).text, "/message/events/")
    text = pages.text(message)
    assert "dead letter" in text
    assert "fails matches" in text


@pytest.mark.parametrize(
    "path", ["/letter/events/1-1", "/letter/events/x", "/message/events/1-1", "/route/x"]
)
def test_what_does_not_exist_is_not_found(project: Project, path: str) -> None:
    project.routes(FAIL)
    assert Pages(project).get(path).status_code == 404


def test_retries_that_wait_are_listed(project: Project) -> None:
    project.routes(LATER, FAIL)
    running = project.start("serve")
    running.expect_log("serving")
    project.run("publish", "events", str(project.feed(json.dumps({"type": "l", "n": 1}))))
    pages = Pages(project)
    wait_until(lambda: "1 waiting retry" in pages.text("/retries"), "the retry")
    text = pages.text("/retries?route=later")
    assert "1 waiting retry" in text
    assert "no such guest" in text
    assert "0 waiting retries" in pages.text("/retries?route=fails")
    message = first_link(pages.get("/retries").text, "/message/events/")
    assert "attempt 2 waits in later" in pages.text(message)


def test_actions_are_in_the_audit_log(project: Project) -> None:
    project.routes(FAIL)
    assert "Nobody has acted yet." in Pages(project).text("/audit")
    assert "No job has run." in Pages(project).text("/jobs")
    failed(project, "f")
    project.run("pause", "fails", "--as", "<alice>")
    assert "<alice> pause route fails" in Pages(project).text("/audit")


def test_hidden_fields_and_hostile_values_are_not_shown(project: Project) -> None:
    project.routes(FAIL, head=ROUTES.replace("routes:", "redact: [email]\nroutes:"))
    event = {"type": "f", "n": "</textarea><script>alert(1)</script>", "email": "secret@example.com"}
    project.run("serve", "--feed", str(project.feed(json.dumps(event))), "--drain")
    pages = Pages(project)
    failure = first_link(pages.get("/failures").text, "/failures/events/")
    letter = first_link(pages.get(failure).text, "/letter/events/")
    message = first_link(pages.get(letter).text, "/message/events/")
    for path in (failure, letter, message):
        html = pages.get(path).text
        assert "secret@example.com" not in html
        assert "<script>alert" not in html


@pytest.mark.parametrize("bad", [{"time": float("inf")}, {"route": "\ud800"}, {"id": "\ud800"}])
def test_a_letter_that_somebody_else_wrote_is_shown(project: Project, bad: dict[str, object]) -> None:
    project.routes(FAIL)
    failed(project, "f")
    key = "{events}:tests:dead"
    [(_, fields)] = project.redis.xrange(key)
    facts = {**json.loads(fields[b"_streamroute"]), **bad}
    letter = project.redis.xadd(key, {**fields, b"_streamroute": json.dumps(facts)}).decode()
    pages = Pages(project)
    assert pages.get(f"/letter/events/{letter}").status_code == 200
    assert pages.get(first_link(pages.get("/failures").text, "/failures/events/")).status_code == 200
    message = project.redis.xrange("events")[0][0].decode()
    assert pages.get(f"/message/events/{message}").status_code == 200


def test_an_event_with_half_of_a_pair_is_shown(project: Project) -> None:
    project.routes(OK)
    project.redis.xadd("events", {"type": "r", "data": '{"n": "\\ud800"}'})
    assert "r no route" in Pages(project).text("/tail")
    assert Pages(project).post("/explain", {"event": '{"type": "r\\ud800", "n": 1}'}).status_code == 200
