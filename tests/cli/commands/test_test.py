"""``streamroute test``: what it runs, how it reports a difference, and its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from projects import Done, Project
from repository import EXAMPLES

CONFIG = """
version: 1
redis: {url: "${REDIS_URL:-embedded}"}
streams: {events: }
routes:
  - {name: vip, type: booked, filter: "tier == 'gold' && nights >= `3`", handler: jobs.never_there}
  - {name: all, type: booked, handler: jobs.never_there}
  - {name: tagged, type: tagged, filter: "contains(tags, 'x')", handler: jobs.never_there}
  - {name: off, type: booked, handler: jobs.never_there, enabled: false}
"""
GOLD = "{type: booked, tier: gold, nights: 3}"


@pytest.fixture(autouse=True)
def here(lone_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lone_project.folder)
    lone_project.write("routes.yaml", CONFIG)


def write_tests(*tests: str, name: str = "routes.test.yaml") -> None:
    """Write tests, in flow style without their braces."""
    lines = "".join(f"  - {{{test}}}\n" for test in tests)
    Path(name).write_text(f"version: 1\ntests:\n{lines}", encoding="utf-8")


def test_passing_tests_print_the_coverage(command: Callable[..., Done]) -> None:
    write_tests(f"name: gold, message: {GOLD}, routes: [all, vip]")
    assert command("test") == Done(
        0,
        "coverage of routes.yaml: 44.4% (4 of 9)\n"
        "  routes.yaml:6: vip: it matched every message of its type\n"
        "  routes.yaml:6: vip: tier == 'gold' was never false\n"
        "  routes.yaml:6: vip: nights >= `3` was never false\n"
        "  routes.yaml:8: tagged: it never matched\n"
        "  routes.yaml:8: tagged: it matched every message of its type\n"
        "1 test: 1 passed, 0 failed in routes.yaml\n",
        "",
    )


def test_a_missing_and_an_unexpected_route_have_reasons(command: Callable[..., Done]) -> None:
    write_tests("name: silver, message: {type: booked, tier: silver, nights: 9}, routes: [vip]")
    done = command("test")
    assert done.code == 1
    assert done.out.startswith(
        "routes.test.yaml:3: failed: silver\n"
        "  vip was expected to match, but does not match\n"
        "    tier == 'gold' is false: tier is \"silver\"\n"
        "    the route is in routes.yaml:6\n"
        "  all was not expected to match, but does\n"
        "    it has no filter: it matches every booked\n"
        "    the route is in routes.yaml:7\n"
    )
    assert done.out.endswith("1 test: 0 passed, 1 failed in routes.yaml\n")


def test_a_filter_that_fails_is_a_difference_unless_it_is_expected(command: Callable[..., Done]) -> None:
    write_tests("name: a, message: {type: tagged}, routes: []")
    done = command("test")
    assert done.code == 1
    assert (
        "  tagged was not expected to fail, but fails: the message is dead-lettered for it\n"
        "    contains(tags, 'x') failed: contains() takes array or string, not null\n"
    ) in done.out
    write_tests("name: a, message: {type: tagged}, routes: [], dead_letter: [tagged]")
    assert command("test").code == 0
    write_tests("name: a, message: {type: tagged, tags: []}, routes: [], dead_letter: [tagged]")
    assert "tagged was expected to fail, but does not match" in command("test").out


def test_the_set_of_routes_is_exact_and_may_be_empty(command: Callable[..., Done]) -> None:
    write_tests("name: none, message: {type: unheard}, routes: []")
    assert command("test").code == 0


def test_a_type_that_was_misspelt_is_named(command: Callable[..., Done]) -> None:
    write_tests("name: a, message: {type: boked}, routes: [all]")
    said = 'it accepts booked; the type of the message is "boked"; did you mean "booked"?'
    assert said in command("test").out


def test_a_misspelt_route_is_one_finding_and_no_difference(command: Callable[..., Done]) -> None:
    write_tests("name: a, message: {type: tagged, tags: [x]}, routes: [taged]")
    done = command("test")
    assert done.code == 1
    assert 'error[SR601]: unknown route "taged"; did you mean "tagged"?' in done.out
    assert "1 test: 1 passed, 0 failed, 1 error in routes.yaml" in done.out


def test_the_former_name_of_a_route_is_one_finding_and_no_difference(command: Callable[..., Done]) -> None:
    Path("routes.yaml").write_text(CONFIG.replace("name: tagged", "name: tagged, formerly: labels"))
    write_tests("name: a, message: {type: tagged, tags: [x]}, routes: [labels]")
    done = command("test")
    assert done.code == 1
    assert 'error[SR601]: unknown route "labels"; did you mean "tagged"?' in done.out
    assert "1 test: 1 passed, 0 failed, 1 error in routes.yaml" in done.out


def test_a_disabled_route_that_is_expected_is_a_finding(command: Callable[..., Done]) -> None:
    write_tests(f"name: a, message: {GOLD}, routes: [all, vip, 'off']")
    done = command("test")
    assert done.code == 1
    assert 'warning[SR602]: route "off" is disabled and matches no message' in done.out
    assert "off was expected to match, but is disabled" in done.out
    assert "SR602" in command("check", "--no-import").out


def test_a_message_may_lie_in_a_file(command: Callable[..., Done]) -> None:
    Path("gold.json").write_text('{"type": "booked", "tier": "gold", "nights": 4}', encoding="utf-8")
    write_tests("name: gold, message: gold.json, routes: [all, vip]")
    assert command("test").code == 0


def test_tests_run_without_any_handler(command: Callable[..., Done]) -> None:
    """These routes' handlers are in a module that does not exist."""
    write_tests(f"name: gold, message: {GOLD}, routes: [all, vip]")
    assert not Path("jobs.py").exists()
    assert command("test").code == 0


def test_coverage_below_the_limit_fails(command: Callable[..., Done]) -> None:
    write_tests(f"name: gold, message: {GOLD}, routes: [all, vip]")
    assert command("test", "--fail-under", "44").code == 0
    done = command("test", "--fail-under", "45")
    assert done.code == 1
    assert done.err == "error: routes.yaml has a coverage of 44.4%, below 45%\n"


def test_without_tests_the_error_suggests_init(command: Callable[..., Done]) -> None:
    done = command("test")
    assert done.code == 2
    assert "no .test.yaml file beside routes.yaml; create one: streamroute test --init" in done.err


def test_a_configuration_with_errors_is_shown_and_not_tested(command: Callable[..., Done]) -> None:
    write_tests(f"name: gold, message: {GOLD}, routes: [all, vip]")
    Path("routes.yaml").write_text(CONFIG.replace("tier ==", "tier ="), encoding="utf-8")
    done = command("test")
    assert done.code == 1
    assert "error[SR301]" in done.out
    assert "coverage" not in done.out


def test_one_file_of_tests_may_be_named(command: Callable[..., Done]) -> None:
    write_tests("name: fails, message: {type: booked}, routes: []")
    write_tests(f"name: passes, message: {GOLD}, routes: [all, vip]", name="other.test.yaml")
    assert command("test", "other.test.yaml").code == 0
    assert command("test").code == 1
    assert command("test", "absent.test.yaml").code == 2


def test_tests_beside_an_included_file_belong_to_the_whole(command: Callable[..., Done]) -> None:
    Path("part").mkdir()
    Path("part/routes.yaml").write_text(
        "version: 1\nroutes: [{name: part, type: booked, handler: jobs.x}]\n", encoding="utf-8"
    )
    Path("routes.yaml").write_text(CONFIG + "include: [part/routes.yaml]\n", encoding="utf-8")
    write_tests(f"name: gold, message: {GOLD}, routes: [all, vip, part]", name="part/part.test.yaml")
    assert command("test").code == 0
    assert command("test", "part").code == 0
    assert command("test", "part/part.test.yaml").code == 0


def test_a_route_of_another_stream_does_not_take_the_message(command: Callable[..., Done]) -> None:
    Path("routes.yaml").write_text(
        "version: 1\nstreams: {one: , two: }\nroutes:\n"
        "  - {name: first, stream: one, type: t, handler: jobs.x}\n"
        "  - {name: second, stream: two, type: t, handler: jobs.x}\n",
        encoding="utf-8",
    )
    write_tests("name: a, stream: one, message: {type: t}, routes: [first, second]")
    expected = "second was expected to match, but does not consume the stream\n    it consumes two\n"
    assert expected in command("test").out
    write_tests("name: a, message: {type: t}, routes: [first, second]")
    assert command("test").code == 0


def test_a_message_that_its_stream_cannot_carry_is_reported(command: Callable[..., Done]) -> None:
    config = CONFIG.replace("{events: }", "{events: {codec: fields}}")
    Path("routes.yaml").write_text(config, encoding="utf-8")
    write_tests(f"name: gold, message: {GOLD}, routes: [all, vip]")
    done = command("test")
    assert done.code == 1
    assert 'the codec "fields" holds strings only, and "nights" is a number' in done.out


def test_json_holds_every_part(command: Callable[..., Done]) -> None:
    write_tests("name: silver, message: {type: booked, tier: silver}, routes: [vip]")
    (config,) = json.loads(command("test", "--format", "json").out)["configs"]
    (test,) = config["tests"]
    assert config["config"] == "routes.yaml"
    assert config["findings"] == []
    place = test["file"], test["line"]
    assert (test["name"], test["passed"], place) == ("silver", False, ("routes.test.yaml", 3))
    assert test["expected"] == {"routes": ["vip"], "dead_letter": [], "transform": {}, "shadow": None}
    assert test["actual"] == {"routes": ["all"], "dead_letter": [], "transform": {}, "shadow": []}
    assert [difference["route"] for difference in test["differences"]] == ["vip", "all"]
    assert test["differences"][0]["reasons"] == ["tier == 'gold' is false: tier is \"silver\""]
    assert (config["coverage"]["covered"], config["coverage"]["total"]) == (3, 9)
    assert config["coverage"]["missed"][0] == {
        "route": "vip",
        "file": "routes.yaml",
        "line": 6,
        "branch": None,
        "truth": True,
        "message": "it never matched",
    }


def test_junit_has_a_case_for_each_test_and_each_finding(command: Callable[..., Done]) -> None:
    write_tests(
        f"name: gold, message: {GOLD}, routes: [all, vip]",
        "name: silver, message: {type: booked}, routes: [vip, al]",
        "name: 'no < message', message: absent.json, routes: []",
    )
    (suite,) = ET.fromstring(command("test", "--format", "junit").out)  # noqa: S314 - our own output
    counts = suite.get("failures"), suite.get("errors")
    assert (suite.get("name"), counts) == ("routes.test.yaml", ("1", "2"))
    outcomes = {case.get("name"): [child.tag for child in case] for case in suite}
    assert outcomes == {"SR601:4:59": ["error"], "SR603:5:37": ["error"], "gold": [], "silver": ["failure"]}


# Payloads of handlers, and dead letters before them

SHAPED = """
version: 1
redis: {url: "${REDIS_URL:-embedded}"}
streams: {events: {validate: true}}
messages:
  booked: {schema: {type: object, properties: {nights: {type: integer}}}}
routes:
  - name: mail
    type: booked
    transform: "merge(by_nights, {to: guest.email})"
    handler: jobs.x
"""


def test_transformed_payloads_are_compared_field_by_field(command: Callable[..., Done]) -> None:
    Path("routes.yaml").write_text(SHAPED, encoding="utf-8")
    message = "{type: booked, guest: {email: a@b}, by_nights: {n: 1, list: [1, 2]}}"
    test = f"name: a, message: {message}, routes: [mail], transform: "
    write_tests(test + "{mail: {to: a@b, n: 1, list: [1, 2]}}")
    assert command("test").code == 0
    write_tests(test + "{mail: {to: b, n: true, list: [1, 3], x: 1}}")
    done = command("test")
    assert done.code == 1
    assert (
        "  the handler of mail receives a different payload\n"
        '    to is "a@b", expected "b"\n'
        "    n is 1, expected true\n"
        "    list[1] is 2, expected 3\n"
        "    x is missing, expected 1\n"
        "    the route is in routes.yaml:8\n"
    ) in done.out


def test_a_transform_that_fails_is_a_difference_unless_it_is_expected(command: Callable[..., Done]) -> None:
    Path("routes.yaml").write_text(SHAPED, encoding="utf-8")
    write_tests("name: a, message: {type: booked}, routes: [mail]")
    done = command("test")
    assert "mail was expected to match, but fails: the message is dead-lettered for it\n" in done.out
    assert "the transform failed: merge() takes object, not null" in done.out
    write_tests("name: a, message: {type: booked}, routes: [], dead_letter: [mail]")
    assert command("test").code == 0
    assert "fails: the message is dead-lettered for it" in command("explain", "--type", "booked").out


def test_data_that_its_schema_refuses_is_dead_lettered_as_a_whole(command: Callable[..., Done]) -> None:
    Path("routes.yaml").write_text(SHAPED, encoding="utf-8")
    message = "{type: booked, nights: x, by_nights: {}}"
    write_tests(f"name: a, message: {message}, routes: [mail]")
    done = command("test")
    assert done.code == 1
    assert (
        "  the message was not expected to be dead-lettered as a whole, but is\n"
        "    the data is invalid: nights must be a whole number, not a string\n"
    ) in done.out
    write_tests(f"name: a, message: {message}, routes: [], dead_letter: true")
    assert command("test").code == 0
    write_tests("name: a, message: {type: booked, by_nights: {}}, routes: [mail], dead_letter: true")
    assert "the message was expected to be dead-lettered as a whole, but is not" in command("test").out
    out = command("explain", '{"type": "booked", "nights": "x"}').out
    assert out.startswith("booked: dead-lettered as a whole: the data is invalid")


def test_a_message_arrives_on_the_only_stream_whose_routes_take_its_type(
    command: Callable[..., Done],
) -> None:
    two = SHAPED.replace("validate: true}", "validate: true}, others: ").replace(
        "- name", "- &mail\n    name"
    )
    two = two.replace("    type:", "    stream: events\n    type:")
    Path("routes.yaml").write_text(two + "  - {<<: *mail, name: more, stream: others, type: s}\n")
    write_tests("name: a, message: {type: booked, nights: x}, routes: [], dead_letter: true")
    assert command("test").code == 0


def test_a_first_file_holds_transforms_and_what_is_invalid(command: Callable[..., Done]) -> None:
    Path("routes.yaml").write_text(SHAPED, encoding="utf-8")
    events = [{"type": "booked", "nights": "x"}, {"type": "booked", "by_nights": {"a": [1]}}]
    Path("events.jsonl").write_text("\n".join(map(json.dumps, events)), encoding="utf-8")
    assert command("test", "--init", "events.jsonl").code == 0
    assert command("test").code == 0
    text = Path("routes.test.yaml").read_text(encoding="utf-8")
    assert "    dead_letter: true\n" in text
    assert "    transform:\n      mail: {a: [1], to: null}\n" in text


# Entries in Redis


def test_a_message_may_be_an_entry_that_is_in_redis(
    project: Project, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Done]
) -> None:
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    good = project.redis.xadd("events", {"type": "booked", "data": '{"tier": "gold", "nights": 3}'})
    broken = project.redis.xadd("events", {"type": "booked", "data": "{"})
    names = [identifier.decode() for identifier in (good, broken)]
    write_tests(f"name: real, message: {{stream: events, id: {names[0]}}}, routes: [all, vip]")
    assert command("test", "--redis").code == 0
    write_tests(
        f"name: expected, message: {{stream: events, id: {names[1]}}}, routes: [], dead_letter: true",
        f"name: broken, message: {{stream: events, id: {names[1]}}}, routes: []",
        "name: gone, message: {stream: events, id: 1-1}, routes: []",
        "name: no id, message: {stream: events, id: x}, routes: []",
    )
    done = command("test", "--redis")
    assert done.code == 1
    assert (
        'the message was not expected to be dead-lettered as a whole, but is\n    the field "data"'
        in done.out
    )
    assert 'the entry 1-1 of "events" does not exist, or was trimmed' in done.out
    assert "Invalid stream ID" in done.out


def test_redis_is_asked_only_where_a_test_names_an_entry(
    monkeypatch: pytest.MonkeyPatch, command: Callable[..., Done]
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    write_tests(f"name: gold, message: {GOLD}, routes: [all, vip]")
    assert command("test").code == 0
    assert command("test", "--redis").code == 0
    write_tests("name: gold, message: {stream: events, id: 1-1}, routes: []")
    assert command("test", "--redis").code == 4


# --init

EVENTS = """\
{"type": "booked", "tier": "gold", "nights": 4, "note": "é: \\"x\\" # - on"}
{"type": "booked", "tier": "gold", "nights": 5}

{"type": "booked", "tier": "silver", "nights": 5}
{"type": "tagged", "tags": ["x", null, 1.5, {"a": []}]}
{"type": "tagged"}
{"type": "other", "empty": {}}
"""


def test_a_generated_test_file_states_the_current_behavior(command: Callable[..., Done]) -> None:
    Path("events.jsonl").write_text(EVENTS, encoding="utf-8")
    done = command("test", "--init", "events.jsonl")
    assert done == Done(
        0,
        "wrote tests.schema.json\nwrote routes.test.yaml: 5 tests from 6 events, 77.8% coverage\n",
        "",
    )
    assert command("test").code == 0
    text = Path("routes.test.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=tests.schema.json\n")
    assert "    routes: [vip, all]\n" in text
    assert "    dead_letter: [tagged]\n" in text


def test_a_first_file_overwrites_nothing(command: Callable[..., Done]) -> None:
    Path("events.jsonl").write_text(EVENTS, encoding="utf-8")
    write_tests(f"name: mine, message: {GOLD}, routes: [all, vip]")
    done = command("test", "--init", "events.jsonl")
    assert (done.code, done.err) == (1, "nothing was written: routes.test.yaml already exists\n")


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ("", "nothing was written: events.jsonl has no events"),
        ('{"type": "a"}\n[1]\n', "events.jsonl:2: the line is not a JSON object"),
        ('{"a": 1}\n', 'events.jsonl:1: an event needs a "type"'),
    ],
)
def test_a_source_without_events_writes_no_file(command: Callable[..., Done], events: str, said: str) -> None:
    Path("events.jsonl").write_text(events, encoding="utf-8")
    done = command("test", "--init", "events.jsonl")
    assert done.code == 1
    assert said in done.err
    assert not Path("routes.test.yaml").exists()


def test_the_example_s_tests_cover_all_of_it(command: Callable[..., Done]) -> None:
    example = EXAMPLES / "bookings"
    assert command("test", str(example), "--fail-under", "100").code == 0


def test_a_first_file_is_not_written_through_a_link(command: Callable[..., Done]) -> None:
    Path("events.jsonl").write_text('{"type": "booked"}\n', encoding="utf-8")
    Path("elsewhere").mkdir()
    Path("routes.test.yaml").symlink_to("elsewhere/routes.test.yaml")
    done = command("test", "--init", "events.jsonl")
    assert (done.code, done.err) == (1, "nothing was written: routes.test.yaml already exists\n")
    assert list(Path("elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("test", "--format", "junit"),
        ("test", "--format", "json"),
        ("explain", "--format", "json", '{"type": "booked"}'),
        ("routes", "--format", "json"),
        ("routes", "--graph", "svg"),
    ],
)
def test_a_broken_configuration_leaves_stdout_to_the_format_of_machines(
    command: Callable[..., Done], arguments: tuple[str, ...]
) -> None:
    Path("routes.yaml").write_text(SHAPED.replace("handler:", "handlr:"), encoding="utf-8")
    write_tests("name: a, message: {type: booked}, routes: [mail]")
    done = command(*arguments)
    assert (done.code, done.out) == (1, "")
    assert 'unexpected key "handlr"' in done.err
