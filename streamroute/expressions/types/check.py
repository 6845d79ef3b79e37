"""Everything that types say of an expression: ``check_types``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Final

from streamroute.expressions.problem import Places, Problem
from streamroute.expressions.syntax.parser import Tree, is_valid, parse
from streamroute.expressions.types.argument_checks import MAY_BE_MISSING, WRONG_ARGUMENT, WRONG_ELEMENTS
from streamroute.expressions.types.clean_skeletons import Outlines, outline_of
from streamroute.expressions.types.condition_checks import (
    CONSTANT,
    CONSTANT_BY_SCHEMA,
    CONTRADICTION,
    NUMBER_AS_CONDITION,
    UNCOMPARABLE,
)
from streamroute.expressions.types.field_access import NEAR_MISS, UNKNOWN_FIELD
from streamroute.expressions.types.inference import Inference
from streamroute.expressions.types.json_types import UNKNOWN, Type
from streamroute.expressions.types.mistakes.evidence import Evidence, Shown
from streamroute.expressions.types.mistakes.fields_for_literals import FIELD_FOR_LITERAL, find_mistakes
from streamroute.expressions.types.mistakes.likely_mistakes import (
    FIELD_OF_A_LIST,
    LENGTH_AS_FIELD,
    NEGATION,
    SWAPPED,
    USUAL,
    Habits,
    find_slips,
)
from streamroute.expressions.types.mistakes.malformed_literals import MALFORMED_LITERAL, VALUE_IN_QUOTES
from streamroute.expressions.types.mistakes.misplaced_values import COLLECTION
from streamroute.expressions.types.mistakes.never_equal import NEVER_EQUAL
from streamroute.expressions.types.mistakes.payload_names import NAMED_PAYLOAD
from streamroute.expressions.types.payload_type import declared_names
from streamroute.expressions.types.problem_report import Report
from streamroute.expressions.types.scope import Scope

_SETTLED: Final = frozenset({CONTRADICTION, NUMBER_AS_CONDITION, CONSTANT, CONSTANT_BY_SCHEMA, COLLECTION})
_SAME: Final = {WRONG_ARGUMENT: WRONG_ARGUMENT, WRONG_ELEMENTS: WRONG_ELEMENTS, UNCOMPARABLE: CONSTANT}
"""What the schema says again of a part that is wrong by its literals."""

_BETTER_ADVISED: Final = {
    UNKNOWN_FIELD: {NAMED_PAYLOAD, LENGTH_AS_FIELD, FIELD_OF_A_LIST},
    UNCOMPARABLE: {VALUE_IN_QUOTES, MALFORMED_LITERAL},
    CONSTANT_BY_SCHEMA: {VALUE_IN_QUOTES, MALFORMED_LITERAL, NEVER_EQUAL},
    CONSTANT: {MALFORMED_LITERAL},
    WRONG_ARGUMENT: {SWAPPED},
    MAY_BE_MISSING: {SWAPPED},
}
"""What says better what was meant, where both are found."""

_MENDED_WHOLE: Final = frozenset(
    {
        NAMED_PAYLOAD,
        LENGTH_AS_FIELD,
        NEGATION,
        VALUE_IN_QUOTES,
        MALFORMED_LITERAL,
        FIELD_OF_A_LIST,
        FIELD_FOR_LITERAL,
    }
    | {NEVER_EQUAL, UNCOMPARABLE, UNKNOWN_FIELD}
)
"""What has the whole expression for its advice, where that is short."""

_ADVICE: Final = re.compile(
    r"(?:^|: )(?:write |compare it: |a number is written in backticks: )(.*?)(?:; if |\Z)"
)
"""The words before what is to be written. It is the whole where all of the expression is wrong, too."""

_SHORT: Final = 60
_MOST_STEPS: Final = 4

_OUTLINES: Final = {True: Outlines(), False: Outlines()}
"""The outlines of conditions, and of other expressions, that are clean whatever the payload."""


def check_types(
    tree: Tree,
    payload: Type | None = None,
    *,
    validated: bool = False,
    condition: bool = True,
    habits: Habits = USUAL,
    shown: Shown | None = None,
    mend: bool = True,
) -> list[Problem]:
    """The problems of an expression that parsed and calls known functions, in the order of their places.

    ``payload`` is the type of what it is evaluated on (None: nothing is known), ``validated`` says that
    messages were checked against the schema that it comes from. A ``condition`` is asked for its truth,
    as a filter is; anything else for its value. What is not known is not reported. ``habits`` are those of
    the codecs that make the payload, ``shown`` gives what the configuration shows beside a schema (None: what
    the expression does). With ``mend`` no advice leads to the next mistake, which takes longer.
    """
    shown = shown or cache(lambda: Evidence([tree]))
    check = partial(
        _checked, payload=payload, validated=validated, condition=condition, habits=habits, shown=shown
    )
    return settled(check(tree), tree, check) if mend else check(tree)


def settled(problems: list[Problem], tree: Tree, check: Callable[[Tree], list[Problem]]) -> list[Problem]:
    """The problems, each with advice that ``check`` finds nothing more to say of, where that is known."""

    @cache
    def better(expression: str) -> str | None:
        """What the first finding about an expression advises to write in its place."""
        if not is_valid(expression):
            return None
        advices = (_whole_advice(found, expression) for found in check(parse(expression)))
        return next((advice for advice in advices if advice and is_valid(advice)), None)

    return [_settled(problem, tree, better) for problem in problems]


def _settled(problem: Problem, tree: Tree, better: Callable[[str], str | None]) -> Problem:
    """The problem with advice in which nothing is left that would be the next finding."""
    whole = _whole_advice(problem, tree.expression)
    if whole is None or len(tree.expression) > _SHORT:
        return problem
    meant = whole
    for _ in range(_MOST_STEPS):
        meant = better(meant) or meant
    return problem._replace(help=str(problem.help).replace(whole, meant))


def _whole_advice(problem: Problem, expression: str) -> str | None:
    """The expression that a problem advises to write, where it is the whole of it."""
    found = _ADVICE.search(problem.help or "")
    is_whole = (problem.start, problem.end) == (0, len(expression.rstrip()))
    return found[1] if found and (is_whole or problem.code in _MENDED_WHOLE) else None


def _checked(
    tree: Tree, payload: Type | None, *, validated: bool, condition: bool, habits: Habits, shown: Shown
) -> list[Problem]:
    problems = list(_by_literals(tree, condition=condition))
    report = Report(tree, declared=True, validated=validated)
    if payload is not None and payload is not UNKNOWN:
        _run(tree, payload, report, condition=condition)
        problems += _news(report.problems, problems)
    problems += find_mistakes(tree, report.knows)
    problems = [found for found in problems if not _is_held(found, tree, shown)]
    shapes = () if payload is None else payload.objects
    declared = declared_names(shapes) if all(shape.declared for shape in shapes) else ()
    slips = list(find_slips(tree, report.knows, report.compared, habits, declared, shown))
    told = Places(problems)
    behind = {slip.end + 1 for slip in slips if slip.code == NAMED_PAYLOAD and slip.end is not None}
    problems = [_advised(found, slips) for found in problems if not _is_behind(found, behind)]
    problems += [slip for slip in slips if not told.overlap(slip)]
    return list(_one_for_each_cause(sorted(problems, key=lambda found: (found.start, found.code))))


def _by_literals(tree: Tree, *, condition: bool) -> list[Problem]:
    """What the expression says by itself, whatever the payload."""
    outlines = _OUTLINES[condition]
    outline = outline_of(tree.expression)
    if outline is not None and outlines.is_clean(outline):
        return []
    problems = _run(tree, UNKNOWN, Report(tree), condition=condition).problems
    if outline is not None and not problems:
        outlines.add(outline)
    return problems


def _run(tree: Tree, payload: Type, report: Report, *, condition: bool) -> Report:
    inference, scope = Inference(tree, report), Scope.of(payload)
    if condition:
        inference.condition(tree.root, scope)
    else:
        inference.infer(tree.root, scope)
    return report


def _is_held(problem: Problem, tree: Tree, shown: Shown) -> bool:
    """Whether a name that is near to a declared one is that of a field that messages hold."""
    return problem.code == NEAR_MISS and tree.expression[problem.start : problem.end] in shown().names


def _is_behind(problem: Problem, ends: set[int]) -> bool:
    """Whether a field is missing in what is a name for the message, which is said of that name."""
    return problem.code == UNKNOWN_FIELD and problem.start in ends


def _advised(problem: Problem, slips: list[Problem]) -> Problem:
    """A problem by the schema, with what was meant where a slip shows it."""
    codes = _BETTER_ADVISED.get(problem.code, ())
    about = (slip for slip in slips if slip.code in codes and Places([problem]).overlap(slip))
    meant = next(about, None)
    return problem if meant is None else problem._replace(help=meant.help, suggestion=None)


def _news(found: list[Problem], before: list[Problem]) -> Iterator[Problem]:
    """What the schema adds: no second word on a condition, or on an argument, that is wrong by itself."""
    settled = Places(other for other in before if other.code in _SETTLED)
    known = {(other.start, other.end, other.code) for other in before}
    for problem in found:
        if problem.code in _SETTLED and settled.overlap(problem):
            continue
        if (problem.start, problem.end, _SAME.get(problem.code)) not in known:
            yield problem


def _one_for_each_cause(problems: list[Problem]) -> Iterator[Problem]:
    """A name that should be a literal is the cause of whatever else is found of it."""
    causes = Places(found for found in problems if found.code == FIELD_FOR_LITERAL)
    for problem in dict.fromkeys(problems):
        if problem.code == FIELD_FOR_LITERAL or not causes.overlap(problem):
            yield problem
