"""Tables of expressions with their expected output, in ``tests/expressions/tables/*.txt``.

A block is a line ``> input``, or ``>> input as JSON``, followed by the expected lines. After a change of
messages, regenerate the expected lines, and read the diff before you commit it:

    PYTHONPATH=tests/support python tests/support/expressions/expression_tables.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from jmespath.exceptions import JMESPathError

from described_types import described
from repository import ROOT
from streamroute.errors import Reject
from streamroute.expressions.evaluate.code_writer import CodeWriter
from streamroute.expressions.evaluate.cost_limit import MAX_COST, BudgetedInterpreter
from streamroute.expressions.evaluate.cost_model import cost_of
from streamroute.expressions.evaluate.equality_terms import leading_equalities
from streamroute.expressions.evaluate.tree_writer import PAYLOAD, NotCoveredError
from streamroute.expressions.explain.coverage_branches import branches, covered
from streamroute.expressions.explain.trace import trace
from streamroute.expressions.explain.trace_explanation import explain_inputs, missing_at, reasons
from streamroute.expressions.filters import FilterError, compile_filter, interpret_filter
from streamroute.expressions.lint import check_expression
from streamroute.expressions.problem import ExpressionError, Problem
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.transform_checks import check_transform
from streamroute.expressions.transforms import compile_transform
from streamroute.expressions.types.algebra.from_json_schema import from_schema
from streamroute.expressions.types.algebra.json_types import UNKNOWN, Type
from streamroute.expressions.types.algebra.members import field_of
from streamroute.expressions.types.algebra.payload_type import payload_type
from streamroute.expressions.types.check import check_types
from streamroute.expressions.types.inference import Inference
from streamroute.expressions.types.narrowing import assume
from streamroute.expressions.types.problem_report import ProblemReport
from streamroute.expressions.types.scope import Scope

FOLDER = ROOT / "tests" / "expressions" / "tables"


class Block(NamedTuple):
    """One input and its expected lines."""

    given: str
    expected: list[str]


def read_table(name: str) -> Iterator[Block]:
    """Yield the blocks of a table."""
    blocks: list[Block] = []
    for line in (FOLDER / f"{name}.txt").read_text("utf-8").split("\n"):
        if line.startswith(">"):
            kind, _, given = line.partition(" ")
            blocks.append(Block(json.loads(given) if kind == ">>" else given, []))
        elif line:
            blocks[-1].expected.append(line.strip())
    yield from blocks


def syntax_lines(expression: str) -> list[str]:
    """Return an expression's problems for any message, as a filter and as a transform."""
    lines = _problem_lines(check_expression(expression), expression)
    try:
        problem = check_transform(parse(expression))
    except ExpressionError:
        return lines
    return (
        lines
        if problem is None
        else [*lines, *(f"transform {line}" for line in _problem_text(problem, expression))]
    )


def type_lines(given: str) -> list[str]:
    """``schemas | expression``: the problems found by types; ? marks messages without validation."""
    names, _, expression = given.partition(" | ")
    payload, validated = payload_of(names)
    tree = parse(expression)
    lines = _problem_lines(check_types(tree, payload, validated=validated), expression)
    as_value = _problem_lines(check_types(tree, payload, validated=validated, condition=False), expression)
    return lines if as_value == lines else [*lines, *(f"value {line}" for line in as_value or ["nothing"])]


def value_lines(given: str) -> list[str]:
    """``document | expression``: its truth and value by every evaluator, and its cost limit."""
    document, expression = _of_document(given)
    verdict = _attempt(partial(compile_filter(expression), document))
    library = _attempt(partial(interpret_filter, expression, document))
    assert verdict == library, f"generated code says {verdict}, the library {library}"
    reshape = compile_transform(f"{{v: {expression}}}")
    root = parse(expression).root
    equalities = [f"equality: {equality}" for equality in leading_equalities(root)]
    interpreter = BudgetedInterpreter()
    value = _attempt(lambda: reshape(document)["v"])
    metered = _attempt(lambda: interpreter.visit(root, document))
    assert value == metered or "Error" in metered, f"the library gives {metered}, the transform {value}"
    return [
        f"{verdict}: {value}",
        *equalities,
        f"cost: {cost_of(root)}",
        f"spent: {MAX_COST - interpreter.left}",
    ]


def code_lines(expression: str) -> list[str]:
    """Return the code generated for an expression, as a filter and as a value."""
    root = parse(expression).root
    lines = []
    for kind in ("truth", "value"):
        writer = CodeWriter()
        try:
            code = getattr(writer, kind)(root, PAYLOAD)
        except NotCoveredError:
            code = "left to the library"
        constants = [{"set": sorted(one)} if isinstance(one, frozenset) else one for one in writer.constants]
        lines.append(f"{kind}: {code} {constants}")
    return lines


def explained_lines(given: str) -> list[str]:
    """``document | expression``: why it is true or false, its branches, and each evaluation step."""
    document, expression = _of_document(given)
    found = trace(expression, document)
    lines = [f"{found.truth}: {reason.text}" for reason in reasons(found)]
    were = covered(found)
    for branch in branches(found.tree):
        truths = sorted(were.get(branch, ()))
        lines += [f"branch {branch.start}-{branch.end} {branch.text}: {truths}"]
    for step in found.root.walk():
        counts = len(step.parts), len(step.operands)
        facts = [explain_inputs(step), missing_at(step), step.error, step.kind, *counts]
        lines.append(f"step {step.text} | {' | '.join(map(str, facts))}")
    return lines


def inferred_lines(given: str) -> list[str]:
    """``schemas | expression``: the type of its value."""
    names, _, expression = given.partition(" | ")
    tree, (payload, _) = parse(expression), payload_of(names)
    scope = Scope.of(UNKNOWN if payload is None else payload)
    return [described(Inference(tree, ProblemReport(tree)).infer(tree.root, scope), 2)]


def narrowed_lines(given: str) -> list[str]:
    """``schemas | expression``: what is known of the payload's fields if it is true, and if it is false."""
    names, _, expression = given.partition(" | ")
    payload, _ = payload_of(names)
    assert payload is not None
    before = _fields(payload)
    lines = []
    for outcome in (True, False):
        after = _fields(assume(parse(expression).root, payload, outcome=outcome))
        changes = [f"{name}: {after.get(name, 'gone')}" for name in before if after.get(name) != before[name]]
        reported = ", ".join(changes) if after else "never"
        lines.append(f"{outcome}: {reported}")
    return lines


def _fields(payload: Type) -> dict[str, str]:
    names = dict.fromkeys(name for shape in payload.objects for name in shape.properties)
    return {name: described(field_of(payload, name)) for name in names}


def schema_lines(schema: str) -> list[str]:
    """Return the type of the documents that are valid under a JSON Schema."""
    return [described(from_schema(json.loads(schema)), 4)]


def _of_document(given: str) -> tuple[Any, str]:
    name, _, expression = given.partition(" | ")
    return DOCUMENTS[name], expression


def _attempt(call: Callable[[], Any]) -> str:
    try:
        return json.dumps(call(), ensure_ascii=False, default=lambda value: type(value).__name__)
    except (FilterError, Reject) as error:
        return f"{type(error).__name__}: {getattr(error, 'cause', error)}"
    except (JMESPathError, TypeError, ValueError) as error:
        return type(error).__name__


def _problem_lines(problems: list[Problem], expression: str) -> list[str]:
    return [line for problem in problems for line in _problem_text(problem, expression)]


def _problem_text(problem: Problem, expression: str) -> list[str]:
    where = f"{problem.start}-{'' if problem.end is None else problem.end}"
    lines = [f"{problem.code} {where} {problem.text}"]
    return [*lines, f"= help: {problem.help}"] if problem.help else lines


def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8"))
    return schema


def payload_of(names: str) -> tuple[Type | None, bool]:
    """Return the payload of the types with these schemas; None for "-"."""
    if names == "-":
        return None, False
    validated = not names.endswith("?")
    schemas = {name: from_schema(_schema(name)) for name in names.rstrip("?").split("+")}
    return payload_type(schemas), validated


DOCUMENTS: dict[str, Any] = json.loads((FOLDER / "documents.json").read_text("utf-8"))

TABLES: dict[str, Callable[[str], list[str]]] = {
    "syntax": syntax_lines,
    "types": type_lines,
    "values": value_lines,
    "code": code_lines,
    "explained": explained_lines,
    "inferred": inferred_lines,
    "narrowed": narrowed_lines,
    "schemas": schema_lines,
}


def write_table(name: str, inputs: list[str]) -> None:
    """Write a table of these inputs with their current output."""
    lines: list[str] = []
    for given in inputs:
        is_plain = given.isprintable() and given == given.strip()
        line = f"> {given}" if is_plain else f">> {json.dumps(given)}"
        lines += [line, *(f"  {line}" for line in TABLES[name](given))]
    (FOLDER / f"{name}.txt").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    for table in sys.argv[1:] or TABLES:
        write_table(table, [block.given for block in read_table(table)])
