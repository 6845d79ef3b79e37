"""``streamroute rule``."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from streamroute.cli.output.streams import echo, write_json

if TYPE_CHECKING:
    from streamroute.config.findings.rules import Rule


@click.command(name="rule")
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(codes: tuple[str, ...], output_format: str) -> None:
    """Show the rules of check: what CODE reports, with examples. Without CODE, list all rules."""
    from streamroute.compiler.rules.registry import ALL_RULES

    rules = [_find_rule(code) for code in codes] or list(ALL_RULES.values())
    if output_format == "json":
        write_json([_object(rule) for rule in rules])
    elif codes:
        echo("\n\n".join(map(_page, rules)))
    else:
        echo(_list(rules))


def _find_rule(code: str) -> Rule:
    from streamroute.compiler.rules.registry import ALL_RULES

    by_name = {rule.name: rule for rule in ALL_RULES.values()}
    rule = ALL_RULES.get(code.upper()) or by_name.get(code.lower())
    if rule is not None:
        return rule
    raise click.UsageError(f'unknown rule "{code}"; {_hint(code, by_name)}')


def _hint(code: str, by_name: Mapping[str, Rule]) -> str:
    from streamroute.compiler.rules.registry import ALL_RULES
    from streamroute.text.suggestions import did_you_mean

    number = re.search(r"[0-9]{3}", code)
    suggestion = f"SR{number[0]}" if number else None
    suggestion = suggestion if suggestion in ALL_RULES else did_you_mean(code.upper(), ALL_RULES)
    if suggestion is not None:
        return f'did you mean "{suggestion}"?'
    containing = [name for name in by_name if code.lower() in name] if len(code) > 2 else []
    similar = did_you_mean(code.lower(), by_name)
    if similar or containing:
        names = [f'"{name}"' for name in (similar, *containing) if name]
        return f"did you mean {' or '.join(names[:4])}?"
    return "to list all rules: streamroute rule"


def _list(rules: list[Rule]) -> str:
    from streamroute.cli.output.layout import OutputLayout
    from streamroute.cli.output.table import table
    from streamroute.cli.output.tables.column import Column, Fit

    columns = (
        Column("code"),
        Column("severity", rank=2),
        Column("name", Fit.NAME, rank=1),
        Column("finds", Fit.TEXT),
    )
    rows = [(rule.code, str(rule.severity), rule.name, rule.summary) for rule in rules]
    return table(columns, rows, OutputLayout.of(sys.stdout))


def _page(rule: Rule) -> str:
    from streamroute.cli.output.terminal import wants_color

    title = f"{rule.code} {rule.name}: {rule.severity}"
    text = "\n\n".join((title, rule.summary, rule.page.strip(), _silencing(rule)))
    if not wants_color(sys.stdout):
        return text
    return "\n".join(_styled(line, is_title=line == title) for line in text.splitlines())


def _styled(line: str, *, is_title: bool) -> str:
    return click.style(line, bold=True) if is_title or line.startswith("## ") else line


def _silencing(rule: Rule) -> str:
    if rule.can_be_ignored:
        return f"To suppress it: # streamroute: ignore[{rule.code}] why"
    return "Cannot be suppressed by a comment."


def _object(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": str(rule.severity),
        "summary": rule.summary,
        "silenceable": rule.can_be_ignored,
        "page": rule.page,
    }
