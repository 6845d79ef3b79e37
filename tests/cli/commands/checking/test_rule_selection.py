"""``--select`` and ``--ignore``: the rules of a run."""

from __future__ import annotations

import click
import pytest

from streamroute.cli.commands.checking.rule_selection import Selection, read_codes
from streamroute.config.findings.finding import Finding, Severity

CODES = ["SR102", "SR203", "SR301", "SR307", "SR401"]


def kept(select: str = "", ignore: str = "") -> list[str]:
    findings = [Finding(code, Severity.ERROR, "m", "f") for code in CODES]
    selection = Selection(read_codes([select]), read_codes([ignore]))
    return [found.code for found in selection.of(findings)]


def test_without_options_a_run_is_about_every_rule() -> None:
    assert kept() == CODES


def test_a_prefix_selects_all_its_codes() -> None:
    assert kept(select="SR3") == ["SR301", "SR307"]
    assert kept(ignore="sr3,SR4") == ["SR102", "SR203"]


def test_the_longer_beginning_wins() -> None:
    assert kept(select="SR3", ignore="SR307") == ["SR301"]
    assert kept(select="SR307", ignore="SR3") == ["SR307"]
    assert kept(select="SR3", ignore="SR3") == []


def test_unreadable_files_are_always_reported() -> None:
    """A check that could not read the file must not pass."""
    unread = [Finding(code, Severity.ERROR, "m", "f") for code in ("SR001", "SR004", "SR010")]
    warned = Finding("SR015", Severity.WARNING, "m", "f")
    shape = Finding("SR101", Severity.ERROR, "m", "f")
    assert Selection(ignore=("SR",)).of([*unread, warned, shape]) == unread
    assert Selection(ignore=("SR010",)).of([*unread, warned, shape]) == [*unread, warned, shape]
    assert Selection(ignore=("SR0", "SR1")).of([*unread, warned, shape]) == unread
    assert Selection(select=("SR3",)).of([*unread, warned, shape]) == unread


def test_codes_are_separated_by_commas_or_given_apart() -> None:
    assert read_codes(["SR1, SR203", "sr301", ""]) == ("SR1", "SR203", "SR301")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("SR9", 'unknown rule "SR9"'),
        ("SR650", 'unknown rule "SR650"; did you mean "SR605"?'),
        ("X", 'unknown rule "X"'),
    ],
)
def test_an_unknown_code_is_a_usage_error(code: str, message: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        read_codes([code])
    assert message in str(caught.value)
