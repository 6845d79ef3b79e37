"""NAME.test.yaml: read as routes.yaml is, with every finding in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamroute.config.route_tests import (
    EntryReference,
    RouteTestSuite,
    find_test_files,
    load_route_tests,
)
from streamroute.system.files import FileReader

TEST = "name: a, message: {type: t}, routes: []"


def load(folder: Path, *tests: str, head: str = "version: 1\n") -> RouteTestSuite:
    path = folder / "routes.test.yaml"
    lines = "".join(f"  - {{{test}}}\n" for test in tests)
    path.write_text(f"{head}tests:\n{lines or '  []'}\n", encoding="utf-8")
    return load_route_tests([path], FileReader(folder))


def found(read: RouteTestSuite) -> list[str]:
    return [f"{one.code} {one.span.line}:{one.span.column} {one.text}" for one in read.findings]


def test_a_test_holds_what_is_stated_and_defaults(tmp_path: Path) -> None:
    read = load(
        tmp_path,
        "name: a, message: {type: t, n: 1}, routes: [x, y]",
        "name: b, stream: s, message: {type: t}, routes: [x], transform: {x: {n: 1}}, dead_letter: [z]",
        "name: c, message: {type: t}, routes: [], dead_letter: true",
    )
    assert found(read) == []
    one, two, three = read.tests
    assert (one.name, one.message, one.routes) == ("a", {"type": "t", "n": 1}, ("x", "y"))
    assert (one.stream, one.transform, one.dead_letter, one.invalid) == (None, {}, (), False)
    assert (two.stream, two.transform, two.dead_letter) == ("s", {"x": {"n": 1}}, ("z",))
    assert (three.dead_letter, three.invalid) == ((), True)


def test_a_message_is_a_mapping_a_file_or_an_entry(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events/one.json").write_text('{"type": "t", "big": 12345678901234567890}', encoding="utf-8")
    read = load(
        tmp_path,
        "name: a, message: events/one.json, routes: []",
        "name: b, message: {stream: s, id: 1-1}, routes: []",
        "name: c, message: {stream: s, id: 1-1, type: t}, routes: []",
    )
    assert found(read) == []
    assert [test.message for test in read.tests] == [
        {"type": "t", "big": 12345678901234567890},
        EntryReference("s", "1-1"),
        {"stream": "s", "id": "1-1", "type": "t"},
    ]


@pytest.mark.parametrize(
    ("message", "expected_text"),
    [
        ("{n: 1}", 'the message has no "type"'),
        ("{type: 3}", 'the message has 3 as its "type", which must be a string'),
        ("{type: ''}", 'the message has "" as its "type", which must be a string'),
        ("absent.json", "could not read FOLDER/absent.json: No such file or directory"),
        ("broken.json", "FOLDER/broken.json is not JSON: "),
        ("list.json", "FOLDER/list.json does not contain a JSON object"),
        ("typeless.json", 'FOLDER/typeless.json has no "type"'),
        ("deep.json", "FOLDER/deep.json is nested deeper than 200 levels, at character 201"),
    ],
)
def test_an_invalid_message_is_a_finding_and_its_test_is_kept(
    tmp_path: Path, message: str, expected_text: str
) -> None:
    files = {"broken": "{", "list": "[]", "typeless": "{}", "deep": "[" * 100_000}
    for name, text in files.items():
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    read = load(tmp_path, f"name: a, message: {message}, routes: []")
    (finding,) = read.findings
    assert (finding.code, finding.span.line) == ("SR603", 3)
    assert finding.message.startswith(expected_text.replace("FOLDER", str(tmp_path)))
    assert [test.message for test in read.tests] == [None]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (TEST.replace("mess", "mes"), '102 3:15 unexpected key "mesage" in a test; did you mean "message"?'),
        ("name: a, message: {type: t}", '103 3:6 missing key "routes" in a test'),
        ("name: a, message: x, routes: 3", '104 3:35 "routes" must be a list, not the number 3'),
        ("name: a, message: {type: t}, routes: [x, x]", '108 3:47 duplicate value "x" in "routes"'),
        ("name: a, message: {type: t}, routes: x", '104 3:43 "routes" must be a list, not a string'),
        ("name: 1, message: {type: t}, routes: []", '104 3:12 "name" must be a string, not the number 1'),
        ("name: '', message: {type: t}, routes: []", '108 3:12 "name" must not be empty'),
        (f"{TEST}, filter: x", '102 3:47 unexpected key "filter" in a test'),
        (
            "name: a, payload: {type: t}, routes: []",
            '102 3:15 unexpected key "payload" in a test; did you mean "message"?',
        ),
        (
            "name: a, message: {type: t}, expect: []",
            '102 3:35 unexpected key "expect" in a test; did you mean "routes"?',
        ),
    ],
)
def test_a_test_of_the_wrong_shape_is_one_finding_and_left_out(
    tmp_path: Path, test: str, expected: str
) -> None:
    read = load(tmp_path, test, "name: good, message: {type: t}, routes: []")
    assert found(read) == [f"SR{expected}"]
    assert [one.name for one in read.tests] == ["good"]


def test_two_tests_of_one_name_are_a_finding(tmp_path: Path) -> None:
    assert found(load(tmp_path, TEST, TEST)) == ['SR604 4:12 duplicate test name "a": first used on line 3']


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("version: 2\ntests: []\n", "SR101"),
        ("version: 1\n", "SR103"),
        ("version: 1\ntests: {}\n", "SR104"),
        ("version: 1\ntests: []\ntest: []\n", "SR102"),
        ("tests: [\n", "SR004"),
        ("", "SR012"),
        ("version: 1\ntests: []\ntests: []\n", "SR006"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "routes.test.yaml"
    path.write_text(text, encoding="utf-8")
    read = load_route_tests([path], FileReader(path.parent))
    assert [one.code for one in read.findings] == [code]
    assert read.tests == ()
    assert list(read.files) == [str(path)]


def test_a_misspelt_list_of_tests_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "routes.test.yaml"
    path.write_text("version: 1\ntest: [{name: a, message: {type: t}, routes: []}]\n")
    read = load_route_tests([path], FileReader(tmp_path))
    assert found(read) == ['SR102 2:1 unexpected key "test" at the top level; did you mean "tests"?']
    assert read.tests == ()


@pytest.mark.parametrize(
    ("test", "advice"),
    [
        ("name: a, message: {type: t}, routes: none", "write [] if no route matches it"),
        ("name: a, message: {type: t}, routes: x", "write [x]"),
        (
            "name: a, type: t, message: {type: t}, routes: []",
            "write the type in the message: {type: booking.confirmed}",
        ),
        (
            "name: a, message: [{type: t}], routes: []",
            "write a mapping, {type: booking.confirmed, nights: 3}, or the path of a JSON file",
        ),
    ],
)
def test_the_help_shows_how_to_write_a_test(tmp_path: Path, test: str, advice: str) -> None:
    [finding] = load(tmp_path, test).findings
    assert finding.help == advice


def test_anchors_have_a_home(tmp_path: Path) -> None:
    read = load(
        tmp_path,
        "name: a, message: {<<: *gold, n: 1}, routes: []",
        head="version: 1\nx-gold: &gold {type: t, tier: gold}\n",
    )
    assert found(read) == []
    assert read.tests[0].message == {"type": "t", "tier": "gold", "n": 1}


def test_files_of_tests_are_found_by_their_name_and_sorted(tmp_path: Path) -> None:
    for name in ("b.test.yaml", "a.test.yaml", "routes.yaml", "test.yaml", "sub/c.test.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in find_test_files([tmp_path], FileReader(tmp_path))] == [
        "a.test.yaml",
        "b.test.yaml",
    ]
