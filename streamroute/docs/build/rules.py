"""The pages of the rules of ``check``: the list, and one page for each rule."""

from __future__ import annotations

from typing import Final

from streamroute.cli.output.rule_page import rule_page
from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.docs.build.markdown import page, table
from streamroute.manual.addresses import rule_url

_SUMMARY: Final = (
    "Every rule of `streamroute check`, with its severity and what it finds. `streamroute rule CODE` "
    "prints its page in the terminal, with a wrong and a right example."
)
_GROUPS: Final = {
    "SR0": "Files",
    "SR1": "Keys and values",
    "SR2": "Routes",
    "SR3": "Expressions",
    "SR4": "Handlers",
    "SR5": "The environment",
    "SR6": "Route tests",
}


def rules_page() -> str:
    """Return ``reference/rules.md``."""
    parts = []
    for prefix, title in _GROUPS.items():
        rules = [rule for code, rule in ALL_RULES.items() if code.startswith(prefix)]
        rows = [
            (f"[{rule.code}]({rule_url(rule.code)})", str(rule.severity), rule.name, rule.summary)
            for rule in rules
        ]
        parts += [f"## {title}", table(("rule", "severity", "name", "finds"), rows)]
    return page("Rules", _SUMMARY, *parts)


def rule_pages() -> dict[str, str]:
    """Return topic -> page of each rule; they exist on the site only, since ``rule`` prints them."""
    return {f"reference/rules/{code}": rule_page(rule) for code, rule in ALL_RULES.items()}
