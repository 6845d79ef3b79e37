"""One JSON object: every test with its outcome, the missing coverage, and the findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamroute.cli.output.route_tests.full import line_of_test
from streamroute.cli.output.route_tests.result import RouteTestRun
from streamroute.compiler.rules.finding_object import finding_object
from streamroute.expressions.explain.trace_explanation import json_safe
from streamroute.ops.route_tests.coverage import Goal
from streamroute.ops.route_tests.runner import Difference, Outcome
from streamroute.text.json_text import as_json
from streamroute.text.safe_text import safe_str


def render(runs: Sequence[RouteTestRun]) -> str:
    """Render the object. Lines count from 1, ``percent`` is 0 to 100; ``dead_letter`` has failed routes."""
    return as_json({"configs": [_run(run) for run in runs]}, safe_str) + "\n"


def _run(run: RouteTestRun) -> dict[str, Any]:
    coverage = run.coverage
    return {
        "config": str(run.root),
        "tests": [_test(outcome) for outcome in run.outcomes],
        "coverage": {
            "percent": round(coverage.percent, 2),
            "covered": coverage.covered,
            "total": len(coverage.goals),
            "missed": [_goal(goal) for goal in coverage.missed],
        },
        "findings": [finding_object(finding) for finding in run.findings],
    }


def _test(outcome: Outcome) -> dict[str, Any]:
    test = outcome.test
    return {
        "name": test.name,
        "file": test.location.source.path,
        "line": line_of_test(outcome),
        "passed": outcome.passed,
        "trouble": outcome.unavailable or None,
        "expected": {
            "routes": sorted(test.routes),
            "dead_letter": test.invalid or sorted(test.dead_letter),
            "transform": dict(test.transform),
            "shadow": None if test.shadow is None else sorted(test.shadow),
        },
        "actual": {
            "routes": sorted(outcome.routes),
            "dead_letter": bool(outcome.invalid) or sorted(outcome.dead_letter),
            "transform": _delivered(outcome),
            "shadow": sorted(outcome.shadow),
        },
        "differences": [_difference(difference) for difference in outcome.differences],
    }


def _delivered(outcome: Outcome) -> dict[str, Any]:
    """Return the handlers' payloads for which the test has an expectation."""
    runs = (decision for decision in outcome.decisions if decision.runs)
    return {
        row.route.name: json_safe(row.handler_payload)
        for row in runs
        if row.route.name in outcome.test.transform
    }


def _difference(difference: Difference) -> dict[str, Any]:
    route = difference.route
    return {
        "route": route.name if route else None,
        "file": route.location.source.path if route else None,
        "line": route.line if route else None,
        "message": difference.message,
        "reasons": list(difference.reasons),
    }


def _goal(goal: Goal) -> dict[str, Any]:
    return {
        "route": goal.route.name,
        "file": goal.route.location.source.path,
        "line": goal.route.line,
        "branch": goal.branch.text if goal.branch else None,
        "truth": goal.truth,
        "message": goal.missed,
    }
