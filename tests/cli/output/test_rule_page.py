"""The page of a rule, as `docs` and the site show it."""

from __future__ import annotations

from streamroute.cli.output.rule_page import rule_page
from streamroute.compiler.rules.registry import ALL_RULES


def test_a_page_names_the_rule_its_severity_and_how_to_suppress_it() -> None:
    page = rule_page(ALL_RULES["SR307"])
    assert page.startswith("# SR307 negation-precedence\n\n")
    assert "`negation-precedence` is a warning." in page
    assert "`# streamroute: ignore[SR307] why`" in page
    assert "cannot be suppressed" in rule_page(ALL_RULES["SR301"])
