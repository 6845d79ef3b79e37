"""``streamroute explain``: every route's verdict, the value of each part, the deciding operand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from projects import Done, Project

CONFIG = """
version: 1
redis: {url: "${REDIS_URL:-embedded}"}
streams: {events: , audits: }
routes:
  - name: vip
    stream: events
    type: booked
    filter: >-
      guest.tier == 'gold'
      && nights >= `3`
    handler: jobs.x
  - {name: all, stream: [events, audits], type: booked, handler: jobs.x}
  - {name: tagged, stream: events, type: tagged, filter: "contains(tags, 'x')", handler: jobs.x}
  - {name: off, stream: events, type: booked, handler: jobs.x, enabled: false}
  - {name: priced, stream: audits, type: sold, filter: "items[?price > `9`]", handler: jobs.x}
"""


@pytest.fixture(autouse=True)
def here(lone_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lone_project.folder)
    lone_project.write("routes.yaml", CONFIG)


def test_each_route_of_the_type_is_explained(command: Callable[..., Done]) -> None:
    event = '{"type": "booked", "guest": {"tier": "gold"}, "nights": 2}'
    assert command("explain", event) == Done(
        0,
        "booked: 1 of 3 routes of this type match\n"
        "\n"
        "vip does not match  (routes.yaml:6)\n"
        "  guest.tier == 'gold' && nights >= `3`  false\n"
        "    guest.tier == 'gold'                 true\n"
        '      guest.tier                         "gold"\n'
        "    nights >= `3`                        false  <- decides\n"
        "      nights                             2\n"
        "\n"
        "all matches  (routes.yaml:13)\n"
        "  it has no filter\n"
        "\n"
        "off is disabled (it matches)  (routes.yaml:15)\n"
        "  it has no filter\n",
        "",
    )


def test_skipped_operands_and_missing_fields_are_explained(command: Callable[..., Done]) -> None:
    out = command("explain", "--type", "booked", "--data", '{"guest": "Ada"}').out
    assert "guest.tier                         null  (guest is a string, which has no fields)\n" in out
    assert "    nights >= `3`                        (not reached)\n\n" in out


def test_a_failing_filter_is_explained(command: Callable[..., Done]) -> None:
    assert command("explain", "--type", "tagged").out == (
        "tagged: 0 of 1 route of this type matches\n"
        "\n"
        "tagged fails: the message is dead-lettered for it  (routes.yaml:14)\n"
        "  contains(tags, 'x')  failed: contains() takes array or string, not null\n"
        "    tags               null\n"
    )


def test_a_condition_over_a_list_shows_its_values(command: Callable[..., Done]) -> None:
    event = json.dumps({"type": "sold", "items": [{"price": price} for price in (1, 20, 3, 40)]})
    out = command("explain", event).out
    assert '  items[?price > `9`]  [{"price": 20}, {"price": 40}]\n' in out
    assert "    price > `9`        false, true, false, ...  (4 times)\n" in out
    assert "      price            1, 20, 3, ...  (4 times)\n" in out


def test_all_shows_the_routes_of_other_types_and_stream_narrows(command: Callable[..., Done]) -> None:
    out = command("explain", "--type", "booked", "--all", "--stream", "audits").out
    assert "vip does not consume the stream  (routes.yaml:6)\n  it accepts booked from events\n" in out
    assert "all matches" in out
    assert "priced does not accept the type  (routes.yaml:16)\n  it accepts sold from audits\n" in out
    assert "priced" not in command("explain", "--type", "booked").out


def test_a_type_without_a_route_is_reported(command: Callable[..., Done]) -> None:
    done = command("explain", "--type", "boked")
    assert done == Done(0, 'no route matches type "boked"; did you mean "booked"?\n', "")


def test_json_holds_every_part(command: Callable[..., Done]) -> None:
    shown = json.loads(command("explain", "--type", "booked", "--format", "json").out)
    assert (shown["type"], shown["routes"]) == ("booked", ["all"])
    vip = shown["decisions"][0]
    assert (vip["route"], vip["verdict"], vip["line"], vip["enabled"]) == ("vip", "not matched", 6, True)
    assert vip["reasons"] == ["guest.tier == 'gold' is false: guest.tier is null (guest is null or missing)"]
    first = vip["filter"]["parts"][0]
    assert (first["expression"], first["values"], first["count"]) == ("guest.tier == 'gold'", [False], 1)
    assert (first["start"], first["end"]) == (0, 20)
    assert vip["filter"]["parts"][1]["count"] == 0


def test_an_event_comes_from_a_file_or_from_stdin(
    command: Callable[..., Done], lone_project: Project
) -> None:
    path = lone_project.write("event.json", '{"type": "booked"}')
    expected = command("explain", "--type", "booked")
    assert command("explain", "event.json") == expected
    with path.open("rb") as stdin:
        assert lone_project.run("explain", "-", stdin=stdin) == expected


def test_a_byte_order_mark_is_not_in_the_way(command: Callable[..., Done], lone_project: Project) -> None:
    lone_project.write("event.json", '\ufeff{"type": "booked"}')
    assert command("explain", "event.json") == command("explain", "--type", "booked")


def test_input_that_is_not_utf_8_is_refused_from_any_source(lone_project: Project) -> None:
    path = lone_project.folder / "event.json"
    path.write_bytes(b'{"type": "a\xff"}')
    assert lone_project.run("explain", "event.json").err == "error: event.json is not UTF-8 text\n"
    lone_project.env["PYTHONIOENCODING"] = "utf-8:strict"  # as in most terminals
    with path.open("rb") as stdin:
        done = lone_project.run("explain", "-", stdin=stdin)
    assert (done.code, done.err) == (1, "error: stdin is not UTF-8 text\n")


@pytest.mark.parametrize(
    ("arguments", "code", "expected_text"),
    [
        ((), 2, "pass EVENT or --type"),
        (("{}", "--type", "a"), 2, "EVENT and --type exclude each other"),
        (("{}", "--data", "{}"), 2, "--data requires --type"),
        (("absent.json",), 2, "EVENT is neither JSON nor a file: absent.json: No such file"),
        (("{",), 1, "EVENT is not JSON"),
        (('{"type": "a"}\n{"type": "b"}',), 1, "EVENT contains several events; explain one, such as"),
        (('{"type": "a"}\n\n{"typ',), 1, "head -n 1 FILE | streamroute explain -"),
        (("--type", "a", "--data", "[]"), 1, "--data must be a JSON object"),
        (('{"typ": "a"}',), 1, '"type" of EVENT must be a string'),
        (("--type", "booked", "--stream", "event"), 2, 'did you mean "events"?'),
    ],
)
def test_invalid_events_are_refused(
    command: Callable[..., Done], arguments: tuple[str, ...], code: int, expected_text: str
) -> None:
    done = command("explain", *arguments)
    assert (done.code, done.out) == (code, "")
    assert expected_text in done.err


@pytest.mark.parametrize(
    ("content", "expected_text"),
    [
        ('{"type": "booked"}\n{"type": "booked"}\n', "contains several events; explain one"),
        (
            '[{"type": "booked"}]',
            "is a list; explain one event, such as the first: jq '.[0]' FILE",
        ),
    ],
)
def test_a_file_with_several_events_is_refused(
    command: Callable[..., Done], tmp_path: Path, content: str, expected_text: str
) -> None:
    Path("events.jsonl").write_text(content)
    done = command("explain", "events.jsonl")
    assert (done.code, done.out) == (1, "")
    assert expected_text in done.err


def test_a_configuration_with_errors_is_shown_instead(command: Callable[..., Done]) -> None:
    Path("routes.yaml").write_text(CONFIG.replace("contains(", "contain("), encoding="utf-8")
    done = command("explain", "--type", "booked")
    assert done.code == 1
    assert "error[SR302]" in done.out


def test_a_filter_that_takes_too_many_steps_fails_here_as_at_work(
    lone_project: Project, command: Callable[..., Done]
) -> None:
    doubling = CONFIG.replace("contains(tags, 'x')", f"tags{' | [@, @][]' * 30}")
    lone_project.write("routes.yaml", doubling)
    out = command("explain", "--type", "tagged", "--data", json.dumps({"tags": ["x"] * 50})).out
    assert "tagged fails: the message is dead-lettered for it" in out
    assert "failed: it takes too many steps for this message" in out


def test_a_trace_that_is_too_long_is_cut_and_keeps_its_verdict(
    lone_project: Project, command: Callable[..., Done]
) -> None:
    lone_project.write("routes.yaml", CONFIG.replace("contains(tags, 'x')", "tags[?@ == 'x']"))
    event = json.dumps({"type": "tagged", "tags": ["x"] * 200_000})
    (lone_project.folder / "event.json").write_text(event, encoding="utf-8")
    out = command("explain", "event.json").out
    assert "tagged matches" in out
    assert "too many steps: not all parts are shown" in out
