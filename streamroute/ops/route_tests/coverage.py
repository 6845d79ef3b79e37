"""Coverage of routes by tests: each route matched and not matched, each filter branch true and false."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from streamroute.compiler.dry_run import Decision, Verdict
from streamroute.config.document import RouteConfig
from streamroute.expressions.explain.coverage_branches import Branch, branches, covered
from streamroute.expressions.syntax.parser import parse


@dataclass(frozen=True, slots=True)
class Goal:
    """One coverage goal: that a route matches or does not match, or that a filter branch is true or false.

    ``branch`` is None for the route as a whole.
    """

    route: RouteConfig
    truth: bool
    branch: Branch | None = None

    @property
    def missed(self) -> str:
        """The text to report if no test covers the goal."""
        if self.branch is not None:
            return f"{self.branch.text} was never {'true' if self.truth else 'false'}"
        return "it never matched" if self.truth else "it matched every message of its type"


@dataclass(frozen=True, slots=True)
class Coverage:
    """All goals of the enabled routes, and those that no test covers, in the order of the routes."""

    goals: Sequence[Goal]
    missed: Sequence[Goal]

    @property
    def covered(self) -> int:
        """The number of goals covered."""
        return len(self.goals) - len(self.missed)

    @property
    def percent(self) -> float:
        """The percentage of goals covered; 100 if there are none."""
        return 100 * self.covered / len(self.goals) if self.goals else 100.0


def coverage(routes: Iterable[RouteConfig], decisions: Iterable[Decision]) -> Coverage:
    """Return the coverage of the enabled routes by these decisions."""
    covered = {goal for decision in decisions for goal in _covered_keys(decision)}
    goals = [goal for route in routes if route.enabled for goal in _goals(route)]
    keys = [(goal, _key(goal)) for goal in goals]
    return Coverage(goals, [goal for goal, key in keys if key not in covered])


_Key = tuple[str, bool, Branch | None]


def _key(goal: Goal) -> _Key:
    return goal.route.name, goal.truth, goal.branch


def _goals(route: RouteConfig) -> list[Goal]:
    """Return the goals of a route; a route without a filter can only match."""
    if route.filter is None:
        return [Goal(route, truth=True)]
    route_goals = [Goal(route, truth) for truth in (True, False)]
    parts = branches(parse(route.filter))
    return route_goals + [Goal(route, truth, branch) for branch in parts for truth in (True, False)]


_TRUTHS: Final = {Verdict.MATCHED: True, Verdict.OTHER_SIDE: True, Verdict.NOT_MATCHED: False}
"""Whether a route matched; a message that it leaves to the other route of a canary counts."""


def _covered_keys(decision: Decision) -> list[_Key]:
    name = decision.route.name
    keys: list[_Key] = []
    if decision.verdict in _TRUTHS:
        keys.append((name, _TRUTHS[decision.verdict], None))
    if decision.filter is not None:
        by_branch = covered(decision.filter).items()
        keys += [(name, truth, branch) for branch, truths in by_branch for truth in truths]
    return keys
