"""A configuration reads what lies below its root file's folder, in bounded steps, and nothing else."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from streamroute.compiler.pipeline import CheckResult, check_path
from streamroute.config.files.includes import collect_includes
from streamroute.config.files.loader import load_text
from streamroute.config.load import load_config
from streamroute.config.route_tests import load_route_tests
from streamroute.system.files import FileReader

ROOT = "version: 1\nstreams: {a: }\n"
SECRET = "version: 1\nroutes: [{name: secret, type: t, handler: streamroute.handlers.log}]\nunknown: 1\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder beside which lies a file that is none of its business."""
    (tmp_path / "secret.yaml").write_text(SECRET)
    (tmp_path / "secret.json").write_text('{"type": "secret"}')
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def check(text: str, *, outside: bool = False) -> CheckResult:
    Path("routes.yaml").write_text(ROOT + text)
    return check_path("routes.yaml", env={}, imports=False, tests=True, outside=outside)


def codes(result: CheckResult) -> set[str]:
    return {found.code for found in result.findings} - {"SR211"}


def links() -> None:
    Path("link.yaml").symlink_to("../secret.yaml")
    Path("link.json").symlink_to("../secret.json")
    Path("up").symlink_to("..")
    Path("gone.yaml").symlink_to("../absent.yaml")
    Path("self.yaml").symlink_to("/proc/self/environ")


@pytest.mark.parametrize(
    "pattern",
    [
        "../secret.yaml", "../absent.yaml", "../*.yaml", "../absent/*.yaml", "*/../../*.yaml", "/etc/shadow",
        "/etc/no-such-file", "/proc/self/environ", "/**", "/*", "link.yaml", "l*.yaml", "gone.yaml",
        "g*.yaml",
        "up/secret.yaml", "up/*.yaml", "u*/*.yaml", "self.yaml", "./../secret.yaml", "up/../secret.yaml",
    ],
)  # fmt: skip
def test_an_include_that_leads_out_is_one_finding_at_its_place(project: Path, pattern: str) -> None:
    """Whether there is a file is not told, and nothing of what is in it."""
    links()
    Path("inner").mkdir()
    result = check(f"include: ['{pattern}']\n")
    assert [
        (found.code, found.file, found.span.line) for found in result.findings if found.code != "SR211"
    ] == [("SR021", "routes.yaml", 3)]
    assert not any(
        "secret" in source.text for source in result.sources.values() if source.path != "routes.yaml"
    )


@pytest.mark.parametrize(
    "pattern", [".git/config", ".g*/config", ".git/*", ".*/*", "./.git/config", "config.yaml", "h/config"]
)
def test_files_of_version_control_are_not_read(project: Path, pattern: str) -> None:
    """It may hold what a CI logs in with."""
    Path(".git").mkdir()
    Path(".git/config").write_text("extraheader = AUTHORIZATION: basic s3cret\n\ttoken: x")
    Path("config.yaml").symlink_to(".git/config")
    Path("h").symlink_to(".git")
    Path("routes.test.yaml").write_text("version: 1\ntests: [{name: x, message: .git/config, routes: []}]\n")
    result = check(f"include: ['{pattern}']\nmessages: {{t: {{schema: .git/config}}}}\n")
    assert codes(result) == {"SR021", "SR113"}
    assert not any("s3cret" in source.text for source in result.sources.values())


def test_two_stars_do_not_go_through_links_that_lead_out(project: Path) -> None:
    Path("up").symlink_to("..")
    Path("inner").mkdir()
    Path("inner/one.yaml").write_text("version: 1\n")
    result = check("include: ['**/one.yaml', '**/secret.yaml']\n")
    assert codes(result) == {"SR015"}
    assert "inner/one.yaml" in result.sources


def test_a_file_outside_is_read_where_the_user_allows_it(project: Path) -> None:
    result = check("include: [../secret.yaml]\n", outside=True)
    assert codes(result) == {"SR102"}
    assert result.document is not None
    assert [route.name for route in result.document.routes] == ["secret"]


def test_the_root_file_may_be_a_link_within_its_folder_only(project: Path) -> None:
    Path("real.yaml").write_text(ROOT)
    Path("near.yaml").symlink_to("real.yaml")
    Path("far.yaml").symlink_to("../secret.yaml")
    assert load_config("near.yaml").document is not None
    far = load_config("far.yaml")
    assert [found.code for found in far.findings] == ["SR021"]
    assert [file.text for file in far.files.values()] == [""]
    assert load_config("far.yaml", outside=True).document is not None


@pytest.mark.parametrize(
    "path", ["../secret.json", "link.json", "up/secret.json", "/etc/passwd", "/proc/self/environ"]
)
def test_the_message_of_a_test_that_leads_out_is_a_finding(project: Path, path: str) -> None:
    links()
    Path("routes.test.yaml").write_text(f"version: 1\ntests: [{{name: x, message: {path}, routes: []}}]\n")
    result = check("")
    assert codes(result) == {"SR021"}
    assert [test.message for test in result.tests] == [None]


def test_a_test_file_that_is_a_link_to_elsewhere_is_not_read(project: Path) -> None:
    Path("routes.test.yaml").symlink_to("../secret.yaml")
    result = check("")
    assert codes(result) == {"SR021"}
    assert result.sources["routes.test.yaml"].text == ""


@pytest.mark.parametrize(
    "path", ["../secret.json", "link.json", "up/secret.json", "/etc/passwd", "gone.yaml"]
)
def test_a_schema_that_leads_out_is_a_finding(project: Path, path: str) -> None:
    links()
    assert codes(check(f"messages: {{t: {{schema: {path}}}}}\n")) == {"SR113"}
    assert codes(check(f"messages: {{t: {{schema: {{$ref: {path}}}}}}}\n")) == {"SR113"}
    identified = f"{{$id: 'https://a.example/b', $ref: {path}}}"
    assert codes(check(f"messages: {{t: {{schema: {identified}}}}}\n")) == {"SR113"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_pipes_and_devices_are_never_waited_for(project: Path, kind: str) -> None:
    names = ("routes.test.yaml", "message.json", "schema.json", "part.yaml")
    for name in names:
        os.mkfifo(name) if kind == "pipe" else os.symlink("/dev/zero", name)  # noqa: PTH211 - beside mkfifo
    Path("more.test.yaml").write_text("version: 1\ntests: [{name: x, message: message.json, routes: []}]\n")
    assert codes(check("include: [part.yaml]\nmessages: {t: {schema: schema.json}}\n")) <= {
        *("SR001", "SR015", "SR021", "SR111", "SR113", "SR603")
    }


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_a_path_that_is_not_a_file_is_described(project: Path, kind: str) -> None:
    names = ("part.yaml", "in.routes.yaml", "schema.json", "schema.yaml", "message.json", "x.test.yaml")
    for name in names:
        if kind == "pipe":
            os.mkfifo(name)
        else:
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(name)
    Path("more.test.yaml").write_text("version: 1\ntests: [{name: x, message: message.json, routes: []}]\n")
    result = check(
        "include: [part.yaml, 'in.*.yaml']\n"
        "messages: {t: {schema: schema.json}, u: {schema: {$ref: schema.yaml}}}\n"
    )
    reported = [found for found in result.findings if f"is a {kind}, not a file" in found.text]
    assert len(reported) == len(names)
    assert {found.code for found in reported} == {"SR001", "SR111", "SR114", "SR603"}
    assert not any("exist" in found.text or "matches no" in found.text for found in result.findings)


def test_an_include_in_an_inaccessible_folder_is_not_reported_as_missing(project: Path) -> None:
    Path("shut").mkdir(mode=0)
    try:
        if os.access("shut", os.X_OK):
            pytest.skip("root may enter everything")
        (found,) = (each for each in check("include: [shut/part.yaml]\n").findings if each.code == "SR015")
    finally:
        Path("shut").chmod(0o700)
    assert found.help == "it is in a folder that cannot be entered"


def test_a_message_and_a_schema_of_more_than_10_mb_are_not_read(project: Path) -> None:
    Path("big.json").write_text('{"type": "t"' + " " * 10_000_000 + "}")
    Path("routes.test.yaml").write_text("version: 1\ntests: [{name: x, message: big.json, routes: []}]\n")
    assert codes(check("messages: {t: {schema: big.json}}\n")) == {"SR003", "SR603"}


def test_an_include_looks_at_so_many_names_and_no_more(project: Path) -> None:
    for folder in range(20):
        Path(f"f{folder}").mkdir()
        for number in range(300):
            Path(f"f{folder}/{number}").touch()
    patterns = ", ".join(f"'**/{number}.yaml'" for number in range(20))
    assert codes(check(f"include: [{patterns}]\n")) == {"SR015", "SR022"}


def test_a_folder_of_links_to_its_own_top_is_walked_once(project: Path) -> None:
    for name in "abcdefgh":
        Path(name).mkdir()
        Path(f"{name}/top").symlink_to("..")
    Path("a/one.yaml").write_text("version: 1\n")
    result = check("include: ['**/one.yaml']\n")
    assert codes(result) == set()
    assert list(result.sources) == ["routes.yaml", "a/one.yaml"]


@pytest.mark.parametrize(("count", "found"), [(20, []), (21, ["SR022"])])
def test_the_number_of_included_files_is_limited(project: Path, count: int, found: list[str]) -> None:
    Path("parts").mkdir()
    for number in range(count):
        Path(f"parts/{number}.yaml").write_text("version: 1\n")
    root = load_text(f"{ROOT}include: ['parts/*.yaml']\n", str(project / "routes.yaml")).source
    assert root is not None
    collected = collect_includes(root, max_files=20)
    assert [finding.code for finding in collected.findings] == found
    assert len(collected.sources) == 20


def test_the_number_of_test_files_is_limited(project: Path) -> None:
    paths = [Path(f"{number}.test.yaml") for number in range(100, 130)]
    for path in paths:
        path.write_text("version: 1\ntests: []\n")
    read = load_route_tests(paths, FileReader(project), max_files=20)
    assert [(found.code, found.file) for found in read.findings] == [("SR022", "120.test.yaml")]
    assert len(read.files) == 20 + 1


def test_a_tree_that_is_hundreds_of_folders_deep_takes_more_steps(project: Path) -> None:
    """To look where a path leads goes through every folder above it."""
    os.makedirs("d/" * 600)  # noqa: PTH103 - pathlib recurses
    result = check("include: ['**/one.yaml']\n")
    assert codes(result) == {"SR022"}


def test_a_tree_of_some_depth_is_searched(project: Path) -> None:
    deep = Path("d/" * 100)
    deep.mkdir(parents=True)
    (deep / "one.yaml").write_text("version: 1\n")
    assert codes(check("include: ['**/one.yaml']\n")) == set()


def test_an_include_cycle_through_many_files_is_reported_once(project: Path) -> None:
    for number in range(20):
        Path(f"{number}.yaml").write_text("version: 1\ninclude: ['*.yaml']\n")
    result = check("include: ['*.yaml']\n")
    reported = [found.file for found in result.findings if found.code == "SR016"]
    assert sorted(reported) == sorted(set(reported))
    assert len(reported) == 20


def test_a_path_that_no_file_can_have_is_no_file(project: Path) -> None:
    assert codes(check('include: ["a\\0b", "a\\0*", "*/a\\0b"]\n')) == {"SR015"}
    Path("routes.test.yaml").write_text('version: 1\ntests: [{name: x, message: "a\\0b", routes: []}]\n')
    assert codes(check('messages: {t: {schema: "a\\0b"}, u: {schema: {$ref: "a\\0b"}}}\n')) <= {
        *("SR111", "SR114", "SR603")
    }


@pytest.mark.parametrize("address", ["http://[bad", "//[bad/x", "urn:x:[", "file://[/x", "//a:b:c/x"])
def test_an_invalid_address_is_a_finding(project: Path, address: str) -> None:
    found = codes(check(f"messages: {{t: {{schema: {{$ref: '{address}'}}}}}}\n"))
    assert len(found) == 1
    assert found <= {"SR112", "SR113", "SR114"}
    assert codes(check(f"messages: {{t: {{schema: {{$id: '{address}', type: object}}}}}}\n")) <= {"SR112"}


def test_an_expensive_glob_pattern_is_matched_at_once(project: Path) -> None:
    Path("a" * 200).touch()
    assert codes(check(f"include: ['{'*a' * 60}b']\n")) == {"SR015"}


def test_the_total_size_of_a_configuration_is_limited(project: Path) -> None:
    Path("parts").mkdir()
    for number in range(3):
        Path(f"parts/{number}.yaml").write_text("version: 1\n" + "#" * 1_000)
    root = load_text(ROOT + "include: ['parts/*.yaml']\n", "routes.yaml").source
    assert root is not None
    (found,) = collect_includes(root, FileReader(project, total=2_500)).findings
    output = "the files of the configuration are larger than 0.0025 MB together"
    assert (found.code, found.file, found.text) == ("SR003", "parts/2.yaml", output)
