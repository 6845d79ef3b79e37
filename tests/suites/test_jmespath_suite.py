"""The JMESPath compliance suite: every case, by the interpreter and by the compiled expression."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from jmespath.exceptions import JMESPathError

from jmespath_suite import compliance_cases, needs_compliance
from streamroute.expressions.evaluate.codegen import NotCoveredError, generate_value
from streamroute.expressions.evaluate.interpreter import evaluate
from streamroute.expressions.problem import ExpressionError
from streamroute.expressions.syntax.parser import parse

KNOWN_DEPARTURES: list[str] = []
"""Cases by their labels; none is known."""


def _outcomes(expression: str, document: Any) -> Iterator[Any]:
    """What each way of evaluation gives; ``...`` stands for an error."""
    try:
        root = parse(expression).root
    except ExpressionError:
        yield ...
        return
    try:
        compiled = generate_value(root, lambda payload: evaluate(root, payload))
    except NotCoveredError:
        compiled = None
    for evaluated in (lambda payload: evaluate(root, payload), compiled):
        if evaluated is not None:
            try:
                yield evaluated(document)
            except (JMESPathError, ValueError, TypeError):
                yield ...


@needs_compliance
def test_every_case_holds_or_is_a_known_departure(capsys: pytest.CaptureFixture[str]) -> None:
    departures, cases = [], compliance_cases()
    for label, (expression, document, case) in ((str(each.id), each.values) for each in cases):
        expected = case.get("result", ...)
        if any(outcome != expected for outcome in _outcomes(expression, document)):
            departures.append(label)
    with capsys.disabled():
        sys.stdout.write(f"\nJMESPath compliance suite: {len(cases)} cases, {len(departures)} departures\n")
    assert departures == KNOWN_DEPARTURES
