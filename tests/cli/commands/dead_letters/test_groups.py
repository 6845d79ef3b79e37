"""``streamroute dead groups``, ``resolve`` and ``reopen``, and the filters that letters are selected by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from letters import DEAD, FAIL, FAILURES, OK, left, put, record
from projects import ROUTES

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


def groups(command: Callable[..., Done], *words: str) -> list[dict[str, Any]]:
    done = command("dead", "groups", "--format", "json", *words)
    assert (done.code, done.err) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.out)["groups"]
    return found


def listed(command: Callable[..., Done], *filters: str) -> list[str]:
    done = command("dead", "list", "--format", "json", *filters)
    assert (done.code, done.err) == (0, "")
    return [letter["id"] for letter in json.loads(done.out)["letters"]]


def test_letters_of_one_failure_are_one_group(shop: Project, command: Callable[..., Done]) -> None:
    """Letters of an earlier release are counted by reading them, and in the index from then on."""
    ids = [put(shop, error=f"KeyError: guest {n}", frame="shop:f") for n in range(5)]
    put(shop, route=None, reason="the message has no type", error="")
    found = {group["title"]: group for group in groups(command)}
    assert {title: group["count"] for title, group in found.items()} == {
        "KeyError in shop:f: guest <n>": 5, "the message has no type": 1,
    }  # fmt: skip
    group = found["KeyError in shop:f: guest <n>"]
    assert (group["state"], group["route"], group["error_class"], group["frame"]) == (
        "open", "fail", "KeyError", "shop:f",
    )  # fmt: skip
    assert (group["samples"], sum(group["minutes"]), sum(group["hours"])) == (ids[2:], 5, 5)
    assert (len(group["minutes"]), len(group["hours"])) == (60, 24)
    assert shop.redis.hlen(FAILURES) == 2
    assert groups(command) == groups(command, "--rebuild")


def test_the_table_and_the_page_of_a_group(shop: Project, command: Callable[..., Done]) -> None:
    assert command("dead", "groups").out == "no dead letters\n"
    put(shop, error="KeyError: 'a\x1b[31m'", route="fail")
    [group] = groups(command)
    head, row = command("dead", "groups").out.splitlines()
    assert head.split() == ["group", "state", "count", "first", "last", "last", "hour", "route", "failure"]
    assert row.split()[:5] == [group["group"], "open", "1", "0s", "0s"]
    assert row.endswith(("█  fail   KeyError: <text>", "#  fail   KeyError: <text>"))
    page = command("dead", "groups", group["group"]).out
    assert page.startswith(f"group {group['group']} of events: open\n  failure    KeyError: <text>\n")
    assert "  count      1 now, 1 in all\n" in page
    assert json.loads(command("dead", "groups", group["group"], "--format", "json").out) == group


def test_a_resolved_group_stays_until_it_comes_back(shop: Project, command: Callable[..., Done]) -> None:
    put(shop)
    [group] = groups(command)
    done = command("dead", "resolve", group["group"], "--reason", "deployed 1.2", "--as", "kim")
    assert (done.code, done.out) == (0, f"resolved {group['group']} of events: E: x\n")
    [resolved] = groups(command)
    assert (resolved["state"], resolved["count"]) == ("resolved", 1)
    assert {name: resolved["resolved"][name] for name in ("who", "reason")} == {
        "who": "kim", "reason": "deployed 1.2",
    }  # fmt: skip
    assert "ago by kim: deployed 1.2" in command("dead", "groups", group["group"]).out
    assert command("dead", "drop", "--group", group["group"], "--yes").out == "1 dead letter dropped\n"
    [resolved] = groups(command)
    assert (resolved["state"], resolved["count"]) == ("resolved", 0)
    assert command("dead", "reopen", group["group"]).out == f"reopened {group['group']} of events: E: x\n"
    assert groups(command)[0]["state"] == "open"
    actions = json.loads(command("audit", "--format", "json").out)["actions"]
    marked = [(one["action"], one["target"], one["who"]) for one in actions if one["action"] != "dead drop"]
    who, target = marked[0][2], f"group {group['group']}"
    assert marked == [("dead reopen", target, who), ("dead resolve", target, "kim")]


def test_a_failure_that_comes_back_is_logged_by_the_worker(each_project: Project) -> None:
    each_project.routes(FAIL)
    each_project.feed('{"type": "t", "n": 1}')
    each_project.run("serve", "--feed", "events.jsonl", "--drain")
    [group] = json.loads(each_project.run("dead", "groups", "--format", "json").out)["groups"]
    assert (group["title"], group["count"]) == ("ValueError in jobs:fail: no such guest", 1)
    each_project.run("dead", "resolve", group["group"])
    done = each_project.run("serve", "--feed", "events.jsonl", "--drain")
    assert f"the failure {group['group']} of events came back after it was resolved" in done.err
    [group] = json.loads(each_project.run("dead", "groups", "--format", "json").out)["groups"]
    assert (group["state"], group["count"], group["came_back"]) == ("came back", 2, group["last"])


@pytest.mark.parametrize("words", [["groups"], ["resolve"], ["reopen"], ["list", "--group"]])
def test_a_group_that_does_not_exist(shop: Project, command: Callable[..., Done], words: list[str]) -> None:
    put(shop)
    [group] = groups(command)
    done = command("dead", *words, "abc")
    assert (done.code, 'unknown group "abc": no dead letter has it' in done.err) == (2, True)
    done = command("dead", *words, group["group"][:4])
    assert (done.code, f'did you mean "{group["group"]}"?' in done.err) == (2, True)


def test_what_is_not_one_failure_cannot_be_resolved(shop: Project, command: Callable[..., Done]) -> None:
    shop.redis.xadd(DEAD, {"odd": "1"})
    [group] = groups(command)
    assert (group["group"], group["count"]) == ("(unreadable)", 1)
    assert command("dead", "resolve", "(unreadable)").code == 2
    assert command("dead", "drop", "--group", "(unreadable)", "--yes").out == "1 dead letter dropped\n"
    assert groups(command) == []


def test_letters_of_another_configuration_are_not_shown(shop: Project, command: Callable[..., Done]) -> None:
    put(shop, stream="another")
    put(shop)
    assert [group["count"] for group in groups(command)] == [1]
    assert shop.redis.hlen(FAILURES) == 2
    shop.redis.hset(FAILURES, "odd", "x")
    done = command("dead", "groups")
    assert (done.code, f"{FAILURES}: 1 of its values are damaged" in done.err) == (0, True)
    assert command("dead", "groups").err == ""


def test_an_index_of_another_type_is_named_and_the_letters_are_counted(
    shop: Project, command: Callable[..., Done]
) -> None:
    shop.redis.set(FAILURES, "not a hash")
    put(shop)
    done = command("dead", "groups")
    assert (done.code, "counted 1 dead letter by reading them" in done.err) == (0, True)
    assert "E: x" in done.out
    assert command("dead", "drop", "--all", "--yes").code == 0
    assert left(shop) == []


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (["--where", "n == `1`"], "a"),
        (["--where", "guest.tier == 'gold'"], "b"),
        (["--where", "guest.tier"], "bc"),
        (["--error-class", "KeyError"], "b"),
        (["--error-class", "KeyError", "--error-class", "E"], "abc"),
        (["--error-class", "KeyError", "--where", "n == `1`"], ""),
    ],
)
def test_letters_are_selected_by_payload_and_by_class(
    shop: Project, command: Callable[..., Done], filters: list[str], wanted: str
) -> None:
    data = {b"type": b"t", b"data": b'{"guest": {"tier": "gold"}}'}
    ids = {
        put(shop): "a",
        put(shop, error="KeyError: 1", fields=data): "b",
        put(shop, fields={b"type": b"t", b"data": b'{"guest": {"tier": 7}}'}): "c",
    }
    assert "".join(sorted(ids[letter_id] for letter_id in listed(command, *filters))) == wanted


def test_a_payload_filter_that_fails_selects_nothing_and_is_counted(
    shop: Project, command: Callable[..., Done]
) -> None:
    broken = put(shop, fields={b"type": b"t", b"data": b"{"})
    put(shop, fields={b"type": b"t", b"data": b'{"n": "one"}'})
    good = put(shop, fields={b"type": b"t", b"data": b'{"n": 1}'})
    done = command("dead", "drop", "--where", "abs(n) == `1`", "--yes")
    assert (done.code, done.out) == (1, "1 dead letter dropped\n")
    assert f"--where failed on 2 dead letters, not selected: {broken}" in done.err
    assert good not in left(shop)
    assert len(left(shop)) == 2


@pytest.mark.parametrize("expression", ["n ==", "", "nope(n)"])
def test_an_invalid_expression_is_refused(
    shop: Project, command: Callable[..., Done], expression: str
) -> None:
    put(shop)
    done = command("dead", "drop", "--where", expression, "--yes")
    assert (done.code, "--where" in done.err) == (2, True)
    assert len(left(shop)) == 1


def test_a_group_is_retried_alone(shop: Project, command: Callable[..., Done]) -> None:
    [one, other] = [put(shop, error=f"E: {word}") for word in ("a", "b")]
    signature = record(error="E: a").kind.signature
    dry = command("dead", "retry", "--group", signature, "--dry-run")
    assert dry.out == "1 dead letter would be retried\n"
    assert command("dead", "retry", "--group", signature).out == "1 dead letter retried\n"
    assert left(shop) == [other]
    assert one != other
    counts = {group["title"]: group["count"] for group in groups(command)}
    assert counts == {"E: a": 0, "E: b": 1}


def test_a_hidden_value_is_in_no_title(shop: Project, command: Callable[..., Done]) -> None:
    """Such as the name of a guest, which the handler put into its error."""
    shop.routes(OK, FAIL, head=f"redact: [guest.name]\n{ROUTES}")
    put(shop, error="E: no room for Kimberly", fields={b"data": b'{"guest": {"name": "Kimberly"}}'})
    [group] = groups(command)
    assert group["title"] == "E: no room for (redacted)"
    command("dead", "drop", "--all", "--yes")
    [group] = groups(command)
    assert (group["title"], group["count"]) == ("E: (redacted)", 0)
