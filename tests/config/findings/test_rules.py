"""Rules and how they are declared."""

from __future__ import annotations

import re

import pytest

from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.config.findings.finding import Severity
from streamroute.config.findings.rules import Rule, RuleTable, Stage, read_rule

PAGE = """---
name: grumpy-name
severity: error
stage: routes
summary: A route: is called grumpy.
runs: true
---

Nobody likes it.
"""


def test_codes_and_names_are_unique_and_well_formed() -> None:
    assert list(ALL_RULES) == sorted(ALL_RULES)
    assert len({rule.name for rule in ALL_RULES.values()}) == len(ALL_RULES)
    for code, rule in ALL_RULES.items():
        assert rule.code == code
        assert re.fullmatch(r"SR[0-6][0-9]{2}", code)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
        assert rule.summary.endswith(".")


def test_a_page_declares_its_rule() -> None:
    """All that is needed for a rule without a check of its own is one page."""
    assert read_rule("SR299", PAGE) == Rule(
        "SR299",
        "grumpy-name",
        Severity.ERROR,
        Stage.ROUTES,
        "A route: is called grumpy.",
        "Nobody likes it.\n",
        runs=True,
    )


def test_a_rule_is_loaded_once_on_demand() -> None:
    loaded: list[str] = []

    def load(code: str) -> Rule:
        loaded.append(code)
        return read_rule(code, PAGE)

    table = RuleTable(lambda: ["SR2", "SR1"], load)
    assert list(table) == ["SR1", "SR2"]
    assert "SR2" in table
    assert loaded == []
    assert table["SR2"] is table["SR2"]
    assert loaded == ["SR2"]


def test_a_code_that_is_a_path_names_no_rule() -> None:
    with pytest.raises(KeyError):
        ALL_RULES["../pages/SR001"]
    assert ALL_RULES.get("SR999") is None
