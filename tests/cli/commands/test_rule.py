"""``streamroute rule``: the list of the rules, and the page of one."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from streamroute.cli.main import streamroute
from streamroute.compiler.rules.registry import ALL_RULES


def rule(*arguments: str) -> Result:
    return CliRunner().invoke(streamroute, ["rule", *arguments])


def test_without_a_code_every_rule_is_listed() -> None:
    lines = rule().stdout.splitlines()
    assert lines[0].split() == ["code", "severity", "name", "finds"]
    assert [line.split()[0] for line in lines[1:]] == list(ALL_RULES)


@pytest.mark.parametrize("asked", ["SR307", "sr307", "negation-precedence"])
def test_a_rule_is_explained_with_a_wrong_and_a_right_example(asked: str) -> None:
    shown = rule(asked).stdout
    assert shown.startswith("SR307 negation-precedence: warning\n")
    assert shown.index("## Wrong") < shown.index("## Right")
    assert "# streamroute: ignore[SR307] why" in shown


def test_the_page_of_a_fatal_rule_offers_no_suppression() -> None:
    assert "Cannot be suppressed by a comment." in rule("SR301").stdout


def test_an_unknown_rule_is_a_usage_error_with_the_nearest_one() -> None:
    result = rule("SR650")
    assert result.exit_code == 2
    assert 'unknown rule "SR650"; did you mean "SR605"?' in result.stderr


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("301", '"SR301"'),
        ("sr-301", '"SR301"'),
        ("expression-sintax", '"expression-syntax"'),
        ("redundant", '"redundant-route"'),
        ("unheard-of", None),
        ("x", None),
    ],
)
def test_an_unknown_rule_suggests_a_similar_one_or_the_list(asked: str, meant: str | None) -> None:
    done = rule(asked)
    assert done.exit_code == 2
    assert (f"; did you mean {meant}?" if meant else "; to list all rules: streamroute rule") in done.stderr


def test_json_has_all_fields_of_a_rule() -> None:
    (shown,) = json.loads(rule("SR203", "--format", "json").stdout)
    assert {key: shown[key] for key in ("code", "name", "severity", "silenceable")} == {
        "code": "SR203",
        "name": "missing-stream",
        "severity": "error",
        "silenceable": True,
    }
    assert "## Right" in shown["page"]
    assert len(json.loads(rule("--format", "json").stdout)) == len(ALL_RULES)


def test_there_is_no_color_without_a_terminal() -> None:
    assert "\x1b" not in rule("SR307").stdout
