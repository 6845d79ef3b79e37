"""The exception for a configuration: its text has the first errors, and it carries all findings."""

from __future__ import annotations

from streamroute.config.findings.config_error import config_error
from streamroute.config.findings.finding import Finding, Severity


def found(number: int, severity: Severity = Severity.ERROR) -> Finding:
    return Finding("SR102", severity, f"problem {number}", "routes.yaml")


def test_a_single_error_is_counted_as_one_and_a_warning_as_none() -> None:
    findings = [found(1, Severity.WARNING), found(2)]
    error = config_error("routes.yaml", findings)
    assert str(error) == f"routes.yaml has 1 error:\n  {findings[1]}"
    assert error.findings == tuple(findings)


def test_of_many_errors_the_first_twenty_are_shown() -> None:
    lines = str(config_error("routes.yaml", [found(number) for number in range(23)])).split("\n  ")
    assert lines[0] == "routes.yaml has 23 errors:"
    assert lines[20].endswith("problem 19")
    assert lines[21:] == ["and 3 more"]
