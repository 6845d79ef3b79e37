"""Coverage of routes by tests: each route matched and not matched, each branch of its filter both ways."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streamroute.compiler.dry_run import Decision, Verdict
from streamroute.config.document import RouteConfig
from streamroute.expressions.explain.coverage_branches import Branch, branches, covered
from streamroute.expressions.syntax.parser import parse


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing that tests should see of a route: that it matches or does not, or a branch's truth.

    ``branch`` is None where the route as a whole is meant.
    """

    route: RouteConfig
    truth: bool
    branch: Branch | None = None

    @property
    def missed(self) -> str:
        """What to say where no test saw it."""
        if self.branch is not None:
            return f"{self.branch.text} was never {'true' if self.truth else 'false'}"
        return "it never matched" if self.truth else "it matched every message of its type"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a run of tests has seen of the enabled routes, and what not, in the order of the routes."""

    goals: Sequence[Goal]
    missed: Sequence[Goal]

    @property
    def covered(self) -> int:
        """How many goals were seen."""
        return len(self.goals) - len(self.missed)

    @property
    def percent(self) -> float:
        """From 0 to 100; 100 where there is nothing to see."""
        return 100 * self.covered / len(self.goals) if self.goals else 100.0


def coverage(routes: Iterable[RouteConfig], decisions: Iterable[Decision]) -> Coverage:
    """What these decisions cover of the routes that are enabled."""
    seen = {goal for decision in decisions for goal in _seen(decision)}
    goals = [goal for route in routes if route.enabled for goal in _goals(route)]
    keys = [(goal, _key(goal)) for goal in goals]
    return Coverage(goals, [goal for goal, key in keys if key not in seen])


_Key = tuple[str, bool, Branch | None]


def _key(goal: Goal) -> _Key:
    return goal.route.name, goal.truth, goal.branch


def _goals(route: RouteConfig) -> list[Goal]:
    """A route without a filter can only match."""
    if route.filter is None:
        return [Goal(route, truth=True)]
    whole = [Goal(route, truth) for truth in (True, False)]
    parts = branches(parse(route.filter))
    return whole + [Goal(route, truth, branch) for branch in parts for truth in (True, False)]


def _seen(decision: Decision) -> list[_Key]:
    name = decision.route.name
    keys: list[_Key] = []
    if decision.verdict in {Verdict.MATCHED, Verdict.NOT_MATCHED}:
        keys.append((name, decision.verdict is Verdict.MATCHED, None))
    if decision.filter is not None:
        found = covered(decision.filter).items()
        keys += [(name, truth, branch) for branch, truths in found for truth in truths]
    return keys
