"""Registry of the rules with a check of their own: a line here, and a module with ``RULE`` and ``check``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from typing import Final, Protocol, cast

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.rules import RULES, Rule, RuleTable, Stage

MODULES: Final = {
    "SR201": "routes.duplicate_route",
    "SR202": "routes.unknown_stream",
    "SR203": "routes.missing_stream",
    "SR204": "routes.pattern_without_types",
    "SR205": "routes.unmatched_pattern",
    "SR206": "routes.former_name_in_use",
    "SR207": "routes.duplicate_former_name",
    "SR208": "routes.former_group_unchanged",
    "SR210": "configuration.redundant_route",
    "SR211": "configuration.unused_stream",
    "SR212": "configuration.unused_type",
    "SR213": "configuration.ineffective_setting",
    "SR214": "configuration.timeout_beyond_grace",
    "SR215": "configuration.conflicting_groups",
    "SR216": "configuration.unreachable_timeout",
    "SR217": "expressions.constant_dedupe_key",
    "SR218": "expressions.order_per_worker",
    "SR220": "configuration.stall_below_lease",
    "SR221": "routes.suspicious_type",
    "SR222": "routes.incomplete_canary",
    "SR223": "routes.unsuitable_counterpart",
    "SR224": "routes.shadow_with_canary",
    "SR225": "configuration.idle_shadow",
    "SR226": "expressions.constant_canary_key",
    "SR227": "configuration.ineffective_circuit",
    "SR505": "environment.redis_url",
    "SR506": "environment.cross_slot",
    "SR507": "environment.misplaced_dead_letters",
    "SR508": "reload.restart_required",
    "SR601": "route_tests.unknown_name_in_test",
    "SR602": "route_tests.disabled_route_in_test",
    "SR605": "route_tests.contradictory_test",
}
"""Code -> module."""


class RuleModule(Protocol):
    """A module of this package that declares a rule.

    ``check`` yields a finding for each violation, and never raises because of a file's content.
    """

    RULE: Rule

    def check(self, context: RuleContext) -> Iterable[Finding]:
        """Yield the findings."""
        ...


@cache
def rule_module(code: str) -> RuleModule:
    """Import the module that declares the rule."""
    return cast("RuleModule", import_module(f"streamroute.compiler.rules.{MODULES[code]}"))


def run_checks(stage: Stage, context: RuleContext) -> Iterator[Finding]:
    """Run the check of each rule of the stage, in the order of the codes."""
    for module in map(rule_module, MODULES):
        if module.RULE.stage is stage:
            yield from module.check(context)


ALL_RULES: Final = RuleTable(
    lambda: [*RULES, *MODULES], lambda code: rule_module(code).RULE if code in MODULES else RULES[code]
)
"""Every rule that a finding may name, by code."""
