"""The page of a rule, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamroute.config.findings.rules import Rule


def rule_page(rule: Rule) -> str:
    """Return what the rule finds, its wrong and right example, and how to suppress it."""
    facts = f"`{rule.name}` is {_with_article(str(rule.severity))}."
    parts = (f"# {rule.code} {rule.name}", rule.summary, facts, rule.page.strip(), _suppression(rule))
    return "\n\n".join(parts) + "\n"


def _with_article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _suppression(rule: Rule) -> str:
    if rule.can_be_ignored:
        return (
            f"To suppress it where it is meant so, write a comment: `# streamroute: ignore[{rule.code}] why`."
        )
    return "It cannot be suppressed by a comment."
