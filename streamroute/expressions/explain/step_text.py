"""The parts of an evaluated expression as rows of text, each with its value."""

from __future__ import annotations

from collections.abc import Iterator

from streamroute.expressions.explain.trace import Step
from streamroute.expressions.explain.trace_explanation import as_text, missing_at


def step_rows(step: Step, depth: int = 0) -> Iterator[tuple[int, str, Step]]:
    """Yield a part and the parts inside it that were reached: depth, text on one line, and the part."""
    yield depth, " ".join(step.text.split()), step
    if step.observed.count or step.trace.failed(step.node):
        for part in step.parts:
            yield from step_rows(part, depth + 1)


def value_of(step: Step) -> str:
    """Return the value of a part; describes a part without a value, or with several."""
    if step.error is not None:
        return f"failed: {step.error}"
    observed = step.observed
    if observed.count == 0:
        return "(not reached)"
    values = ", ".join(map(as_text, step.shown))
    if observed.count > 1:
        return f"{values}{', ...' if observed.count > len(observed.values) else ''}  ({observed.count} times)"
    reason = missing_at(step)
    return f"{values}  ({reason})" if reason else values
