"""``streamroute dead``: dead letters are listed, requeued, or dropped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from projects import ROUTES
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.values import Failure
from terminals import on_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Done, Project

DEAD = "{events}:tests:dead"
OK, FAIL = "name: ok, type: t, handler: jobs.ok", "name: fail, type: t, handler: jobs.fail"
HISTORY = (
    Failure("fail", 1, "ValueError: first", "", 1_700_000_000.0),
    Failure("fail", 2, "ValueError: second", "", 1_700_000_001.0, "1f2e\x07"),
)


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that is this process's working folder."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    project.routes(OK, FAIL)
    return project


def put(project: Project, letter_id: str = "*", **facts: Any) -> str:
    """Write a dead letter; return its id."""
    usual: dict[str, Any] = {
        "id": "7-0", "stream": "events", "group": "tests", "route": "fail", "reason": "failed",
        "error": "E: x", "traceback": "", "attempt": 2, "deliveries": 1,
        "fields": {b"type": b"t", b"data": b'{"n": 1}'},
    }  # fmt: skip
    record = DeadRecord(**(usual | facts))
    entry_id: bytes = project.redis.xadd(DEAD, record.write(), id=letter_id)
    return entry_id.decode()


def listed(command: Callable[..., Done], *filters: str) -> list[str]:
    """Return the ids that ``list`` shows, newest first."""
    done = command("dead", "list", "--format", "json", *filters)
    assert done.code == 0
    return [letter["id"] for letter in json.loads(done.out)["letters"]]


def left(project: Project) -> list[str]:
    return [entry_id.decode() for entry_id, _ in project.redis.xrange(DEAD)]


def test_an_empty_list_prints_no_dead_letters(shop: Project, command: Callable[..., Done]) -> None:
    assert command("dead", "list") == command("dead", "list", "--newer", "1h")
    assert command("dead", "list").out == "no dead letters\n"


def test_the_list_counts_by_route_and_reason(shop: Project, command: Callable[..., Done]) -> None:
    """The error's text is not part of the reason: a thousand errors would be a thousand lines."""
    put(shop, "1700000000000-0", reason="failed after 2 attempts: E: a", error="E: a", type="t")
    put(shop, "1700000000001-0", reason="failed after 2 attempts: E: b", error="E: b", type="t")
    put(shop, "1700000000002-0", route=None, reason="no type", error="", fields={b"n": b"\x1b[31m"})
    out = command("dead", "list").out.splitlines()
    assert [line.split()[:2] for line in out[:3]] == [
        ["stream", "route"],
        ["events", "fail"],
        ["events", "(no"],
    ]
    assert "failed after 2 attempts" in out[1]
    assert out[1].split()[-3] == "2"
    assert [line.split()[0] for line in out[5:]] == ["1700000000002-0", "1700000000001-0", "1700000000000-0"]
    assert out[6].endswith("E: b")


def test_the_list_ends_at_its_limit(shop: Project, command: Callable[..., Done]) -> None:
    ids = [put(shop) for _ in range(25)]
    assert listed(command, "--limit", "3") == ids[:-4:-1]
    assert listed(command, "--limit", "0") == ids[::-1]
    assert command("dead", "list").out.endswith("... and 5 more; --limit 0 lists all\n")


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (["--route", "fail"], "a"),
        (["--route", "ok", "--route", "fail"], "ab"),
        (["--route", "(no route)"], "c"),
        (["--type", "other"], "b"),
        (["--error", "value"], "b"),
        (["--reason", "NO TYPE"], "c"),
        (["--older", "1h"], "a"),
        (["--newer", "1h"], "bc"),
        (["--newer", "1h", "--older", "30m"], ""),
        (["--stream", "events"], "abc"),
    ],
)
def test_filters(shop: Project, command: Callable[..., Done], filters: list[str], wanted: str) -> None:
    ids = {
        put(shop, "1700000000000-0", type="t"): "a",
        put(shop, route="ok", type="other", error="ValueError: x"): "b",
        put(shop, route=None, reason="the message has no type"): "c",
    }
    assert "".join(sorted(ids[letter_id] for letter_id in listed(command, *filters))) == wanted


def test_dead_letters_of_other_groups_are_ignored(shop: Project, command: Callable[..., Done]) -> None:
    put(shop, group="another")
    put(shop, stream="another")
    assert listed(command) == []
    assert command("dead", "drop", "--all", "--yes").out == "0 dead letters dropped\n"
    assert len(left(shop)) == 2


def test_show_prints_everything_known_about_a_letter(shop: Project, command: Callable[..., Done]) -> None:
    letter_id = put(
        shop,
        traceback="Traceback\n  here\x07\nE: x\n", history=HISTORY, generation="abc", time=1_700_000_000.0,
        trace={"traceparent": "00-1-2-01"}, fields={b"type": b"t", b"odd": b"\xff\x00"},
    )  # fmt: skip
    out = command("dead", "show", letter_id).out
    for text in ("dead letter " + letter_id, "entry        7-0", "route        fail", "error        E: x",
                 "config       abc", "traceparent  00-1-2-01", "type  t", "odd   \\xff", "  here\ufffd",
                 "2023-11-14T22:13:20+00:00  attempt 1 of fail: ValueError: first",
                 "2023-11-14T22:13:21+00:00  attempt 2 of fail, config 1f2e\ufffd: ValueError: second",
    ):  # fmt: skip
        assert text in out
    shown = json.loads(command("dead", "show", letter_id, "--format", "json").out)
    assert shown["fields"] == {"type": "t", "odd": {"base64": "/wA="}}
    assert shown["history"][0]["error"] == "ValueError: first"
    assert [failure["generation"] for failure in shown["history"]] == ["", "1f2e\x07"]


def test_foreign_entries_are_shown_and_dropped_but_never_retried(
    shop: Project, command: Callable[..., Done]
) -> None:
    odd = shop.redis.xadd(DEAD, {"hello": "world"}).decode()
    assert "(unreadable)" in command("dead", "list").out
    assert "not a dead letter" in command("dead", "show", odd).out
    done = command("dead", "retry", odd)
    assert (done.code, done.out.splitlines()[1]) == (
        1,
        "1 dead letter not retried: not a dead letter of streamroute, or damaged",
    )
    assert left(shop) == [odd]
    assert command("dead", "drop", odd, "--yes").code == 0
    assert left(shop) == []


@pytest.mark.parametrize("verb", ["retry", "drop"])
def test_a_change_without_a_filter_is_refused(shop: Project, command: Callable[..., Done], verb: str) -> None:
    put(shop)
    done = command("dead", verb, "--stream", "events")
    assert (done.code, "select dead letters" in done.err) == (2, True)
    assert len(left(shop)) == 1


@pytest.mark.parametrize("verb", ["retry", "drop"])
def test_a_dry_run_only_prints_what_would_be_done(
    shop: Project, command: Callable[..., Done], verb: str
) -> None:
    put(shop)
    done = command("dead", verb, "--all", "--dry-run")
    assert done.out == f"1 dead letter would be {'retried' if verb == 'retry' else 'dropped'}\n"
    assert len(left(shop)) == 1
    assert shop.redis.exists("{events}:tests:retry") == 0


@pytest.mark.parametrize("words", [["show", "1-1"], ["retry", "1-1"], ["drop", "1-1", "--yes"]])
def test_an_id_that_is_not_there(shop: Project, command: Callable[..., Done], words: list[str]) -> None:
    done = command("dead", *words)
    assert (done.code, "no such dead letter" in done.err) == (1, True)


@pytest.mark.parametrize("words", [["show", "x"], ["retry", "12"], ["list", "--older", "3"]])
def test_invalid_arguments_exit_with_2(shop: Project, command: Callable[..., Done], words: list[str]) -> None:
    assert command("dead", *words).code == 2


def test_a_route_name_in_place_of_an_id_gets_advice(shop: Project, command: Callable[..., Done]) -> None:
    done = command("dead", "retry", "welcome")
    assert done.code == 2
    assert "write --route welcome" in " ".join(done.err.split())


def test_a_stream_that_is_not_configured(shop: Project, command: Callable[..., Done]) -> None:
    done = command("dead", "list", "--stream", "event")
    assert (done.code, 'did you mean "events"?' in done.err) == (2, True)


@pytest.mark.parametrize("verb", ["list", "retry", "drop"])
@pytest.mark.parametrize(
    ("words", "expected_text"),
    [
        (
            ["--route", "fial"],
            'unknown route "fial": neither the configuration nor a dead letter has it; did you mean "fail"?',
        ),
        (["--route", "gon"], 'did you mean "gone"?'),
        (["--route", "fail", "--route", "billing"], 'unknown route "billing"'),
        (["--type", "order.pad"], 'did you mean "order.paid"?'),
        (["--stream", "event", "--error", "x"], 'did you mean "events"?'),
    ],
)
def test_a_name_that_nothing_has_is_a_mistake(
    shop: Project, command: Callable[..., Done], verb: str, words: list[str], expected_text: str
) -> None:
    """Nothing happens to a letter that another name of the same command selects."""
    put(shop)
    put(shop, route="gone", type="order.paid")
    done = command("dead", verb, *words, *(["--yes"] if verb == "drop" else []))
    assert (done.code, done.out) == (2, "")
    assert expected_text in done.err
    assert len(left(shop)) == 2


def test_names_that_occur_only_in_dead_letters_are_accepted(
    shop: Project, command: Callable[..., Done]
) -> None:
    gone = put(shop, route="gone", type="order.paid")
    assert listed(command, "--route", "gone") == listed(command, "--type", "order.paid") == [gone]
    assert listed(command, "--route", "(no route)") == listed(command, "--route", "ok") == []


def test_no_bar_is_left_on_a_terminal(shop: Project) -> None:
    for _ in range(3):
        put(shop)
    (shop.folder / "events.jsonl").write_text('{"type": "t", "n": 1}\n' * 3)
    for words in (["dead", "list"], ["publish", "events", "events.jsonl"]):
        screen = on_terminal(shop, *words)
        assert "\x1b[?25l" in screen.raw, "a bar was drawn"
        assert not any("#" in line or "[" in line for line in screen.lines)
    assert screen.lines == ["published 3 events to events at ${REDIS_URL}"]


def test_dropping_asks_first(shop: Project, command: Callable[..., Done]) -> None:
    put(shop)
    done = command("dead", "drop", "--all")
    assert (done.code, "add --yes" in done.err) == (2, True)
    assert len(left(shop)) == 1


def test_a_dead_letter_stream_of_the_wrong_kind_is_an_error(
    shop: Project, command: Callable[..., Done]
) -> None:
    shop.redis.set(DEAD, "not a stream")
    done = command("dead", "list")
    assert (done.code, "WRONGTYPE" in done.err) == (1, True)


def test_more_than_a_page(shop: Project, command: Callable[..., Done]) -> None:
    for _ in range(250):
        put(shop)
    assert command("dead", "retry", "--all", "--format", "json").code == 0
    assert left(shop) == []
    assert shop.redis.xlen("{events}:tests:retry") == 250


def test_a_retry_runs_the_route_that_failed_alone_and_keeps_its_history(each_project: Project) -> None:
    each_project.routes(OK, FAIL)
    each_project.feed('{"type": "t", "n": 1}')
    assert each_project.run("serve", "--feed", "events.jsonl", "--drain").code == 1
    assert sorted(each_project.ledger) == ["fail 1 1", "fail 1 2", "ok 1"]
    assert each_project.run("dead", "retry", "--route", "fail").out == "1 dead letter retried\n"
    assert each_project.dead() == 0
    assert each_project.run("serve", "--drain").code == 1
    assert sorted(each_project.ledger) == ["fail 1 1", "fail 1 1", "fail 1 2", "fail 1 2", "ok 1"]
    [(letter_id, _)] = each_project.redis.xrange(DEAD)
    done = each_project.run("dead", "show", letter_id.decode(), "--format", "json")
    reported = [(failure["attempt"], failure["reason"]) for failure in json.loads(done.out)["history"]]
    assert reported == [(1, ""), (2, "failed after 2 attempts: ValueError: no such guest"), (1, "")]


def test_a_retry_is_made_under_the_configuration_of_now(each_project: Project) -> None:
    each_project.routes(FAIL)
    each_project.feed('{"type": "t", "n": 1}')
    each_project.run("serve", "--feed", "events.jsonl", "--drain")
    each_project.routes("name: fail, type: t, handler: jobs.ok")
    assert each_project.run("dead", "retry", "--all").code == 0
    assert each_project.run("serve", "--drain").code == 0
    assert each_project.ledger[-1] == "ok 1"
    assert each_project.dead() == 0


def test_a_route_takes_over_the_letters_of_its_former_names(each_project: Project) -> None:
    each_project.routes(FAIL)
    each_project.feed('{"type": "t", "n": 1}')
    each_project.run("serve", "--feed", "events.jsonl", "--drain")
    each_project.routes("name: renamed, formerly: [older, fail], type: t, handler: jobs.ok")
    assert each_project.run("dead", "retry", "--route", "renamed").out == "1 dead letter retried\n"
    assert each_project.run("serve", "--drain").code == 0
    assert each_project.ledger[-1] == "ok 1"
    assert each_project.dead() == 0


@pytest.mark.parametrize(
    ("route", "code", "out"),
    [
        ("enabled: true", 0, "1 dead letter retried\n"),
        (
            "enabled: false",
            1,
            '0 dead letters retried\n1 dead letter not retried: the route "renamed" is disabled\n',
        ),
    ],
)
def test_letters_are_found_by_the_former_and_by_the_current_name_of_their_route(
    shop: Project, command: Callable[..., Done], route: str, code: int, out: str
) -> None:
    shop.routes(OK, f"name: renamed, formerly: fail, type: t, handler: jobs.fail, {route}")
    letter, whole = put(shop), put(shop, route=None, routes=["fail"], reason="delivered 5 times")
    put(shop, route="ok")
    assert listed(command, "--route", "fail") == listed(command, "--route", "renamed") == [letter]
    done = command("dead", "retry", letter)
    assert (done.code, done.out) == (code, out)
    done = command("dead", "retry", whole)
    assert (done.code, done.out) == (code, out)


def test_dead_letters_of_the_former_group_run_in_the_current_one(
    shop: Project, command: Callable[..., Done]
) -> None:
    shop.routes(OK, FAIL, head=ROUTES.replace("    group", "    formerly_group: old\n    group"))
    mine = [put(shop, "1700000000000-0", group="old"), put(shop, "1700000000001-0")]
    other = put(shop, group="another")
    assert listed(command) == mine[::-1]
    assert command("dead", "retry", "--all").out == "2 dead letters retried\n"
    assert left(shop) == [other]
    assert shop.redis.xlen("{events}:tests:retry") == 2
    assert not shop.redis.exists("{events}:old:retry")


def test_letters_are_sent_to_another_route_with_the_failure_in_their_history(
    shop: Project, command: Callable[..., Done]
) -> None:
    """A route's former name stands for the route; its filter is not asked, nor does it decide later."""
    shop.routes(FAIL, 'name: other, formerly: older, type: u, filter: "n == `0`", handler: jobs.ok')
    ids = [put(shop, accepted=False, generation="abc"), put(shop, route=None, reason="no type")]
    dry = command("dead", "retry", ids[0], "--to", "other", "--dry-run")
    assert dry.out == "1 dead letter would be retried\n"
    assert command("dead", "retry", ids[0], "--to", "other").out == "1 dead letter retried\n"
    assert command("dead", "retry", ids[1], "--to", "older").out == "1 dead letter retried\n"
    assert left(shop) == []
    stored = [fields[b"entry"] for _, fields in shop.redis.xrange("{events}:tests:retry")]
    records = [RetryRecord.unpack(entry) for entry in stored]
    assert [(record.routes, record.attempt, record.accepted) for record in records] == [
        (frozenset({"other"}), 1, True)
    ] * 2
    failures = [[(one.route, one.reason, one.generation) for one in record.history] for record in records]
    assert failures == [[("fail", "failed", "abc")], [(None, "no type", "")]]


def test_a_letter_runs_in_the_route_that_it_was_sent_to(each_project: Project) -> None:
    other = 'name: other, type: u, filter: "n == `0`", handler: jobs.ok'
    each_project.routes(FAIL, other)
    each_project.feed('{"type": "t", "n": 1}')
    each_project.run("serve", "--feed", "events.jsonl", "--drain")
    assert each_project.run("dead", "retry", "--route", "fail", "--to", "other").code == 0
    assert each_project.run("serve", "--drain").code == 0
    assert each_project.ledger[2:] == ["ok 1"]
    assert each_project.dead() == 0


@pytest.mark.parametrize(
    ("route", "why"),
    [
        (f"{OK}, stream: others", 'the route "ok" does not consume the stream "events"'),
        (f"{OK}, stream: events, enabled: false", 'the route "ok" is disabled'),
        (
            f"{OK}, stream: events, shadow: true",
            'the route "ok" is a shadow, whose handler does not run',
        ),
    ],
)
def test_a_letter_is_not_sent_to_a_route_that_cannot_run_it(
    shop: Project, command: Callable[..., Done], route: str, why: str
) -> None:
    shop.routes(f"{FAIL}, stream: events", route, head=ROUTES.replace("streams:", "streams:\n  others: {}"))
    kept = put(shop)
    done = command("dead", "retry", "--all", "--to", "ok")
    assert (done.code, done.out) == (1, f"0 dead letters retried\n1 dead letter not retried: {why}\n")
    assert left(shop) == [kept]


def test_letters_are_not_sent_to_a_route_that_does_not_exist(
    shop: Project, command: Callable[..., Done]
) -> None:
    kept = put(shop)
    done = command("dead", "retry", "--all", "--to", "fial")
    assert (done.code, done.out) == (2, "")
    assert 'unknown route "fial": the configuration does not have it; did you mean "fail"?' in done.err
    assert left(shop) == [kept]


def test_unroutable_messages_are_retried_for_every_matching_route(each_project: Project) -> None:
    each_project.routes(OK, head=ROUTES.replace("    group", "    unknown_type: dead_letter\n    group"))
    each_project.feed('{"type": "new", "n": 1}')
    each_project.run("serve", "--feed", "events.jsonl", "--drain")
    assert each_project.dead() == 1
    both = [f"name: {name}, type: new, handler: jobs.ok, with: {{to: {name}}}" for name in ("one", "two")]
    each_project.routes(*both)
    assert each_project.run("dead", "retry", "--route", "(no route)").code == 0
    assert each_project.run("serve", "--drain").code == 0
    assert sorted(each_project.ledger) == ["one 1", "two 1"]


@pytest.mark.parametrize(
    ("routes", "why"),
    [
        ([f"{OK}, stream: events"], 'the route "fail" is not configured'),
        (
            [f"{OK}, stream: events", f"{FAIL}, stream: events, enabled: false"],
            'the route "fail" is disabled',
        ),
        (
            [f"{OK}, stream: events", f"{FAIL}, stream: others"],
            'the route "fail" does not consume the stream "events"',
        ),
    ],
)
def test_a_letter_whose_route_is_gone_stays_where_it_is(
    shop: Project, command: Callable[..., Done], routes: list[str], why: str
) -> None:
    shop.routes(*routes, head=ROUTES.replace("streams:", "streams:\n  others: {}"))
    kept = put(shop)
    put(shop, route="ok")
    whole = put(shop, route=None, routes=["fail"], reason="delivered 5 times")
    done = command("dead", "retry", "--all")
    assert (done.code, done.out) == (1, f"1 dead letter retried\n2 dead letters not retried: {why}\n")
    assert left(shop) == [kept, whole]
