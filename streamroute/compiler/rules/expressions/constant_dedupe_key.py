"""A dedupe key that is the same for every message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.yaml.source import DataPath
from streamroute.expressions.syntax.parser import Tree, parse, walk

RULE: Final = Rule(
    "SR217",
    "constant-dedupe-key",
    Severity.WARNING,
    Stage.EXPRESSIONS,
    "A dedupe key is the same for every message.",
    page="""\
Messages with the same `dedupe` key are duplicates, and only the first of them runs. A key that reads no field
of the message, such as a string in quotes, is the same for all messages.

## Wrong

```yaml
- name: charge
  type: booking.confirmed
  handler: shop.handlers.welcome
  dedupe: {key: "'payment.id'", ttl: 1d}
```

## Right

```yaml
- name: charge
  type: booking.confirmed
  handler: shop.handlers.welcome
  dedupe: {key: payment.id, ttl: 1d}
```
""",
)
_AT: Final[DataPath] = ("dedupe", "key")
_READING: Final = frozenset({"field", "identity", "current", "index", "value_projection"})
"""Node types that read from the message."""


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each valid key that does not depend on the message."""
    for checked in context.expressions:
        if checked.at == _AT and not checked.problems and _is_constant(parse(checked.text)):
            message = '"key" is the same for every message, so all but the first are skipped'
            text = checked.text.strip("'")
            advice = f"write the path without quotes: {text}" if checked.text == f"'{text}'" else None
            yield checked.location.finding(RULE, message, at=_AT, help=advice)


def _is_constant(tree: Tree) -> bool:
    return all(node["type"] not in _READING for node, _, _ in walk(tree.root, 0, 0))
