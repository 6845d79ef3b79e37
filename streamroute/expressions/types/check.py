"""``check_types``: every check that needs types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Final

from streamroute.expressions.problem import Problem, Spans
from streamroute.expressions.syntax.parser import Tree, is_valid, parse
from streamroute.expressions.types.algebra.json_types import UNKNOWN, Type
from streamroute.expressions.types.algebra.payload_type import declared_names
from streamroute.expressions.types.argument_checks import MAY_BE_MISSING, WRONG_ARGUMENT, WRONG_ELEMENTS
from streamroute.expressions.types.clean_skeletons import CleanSkeletons, skeleton_of
from streamroute.expressions.types.condition_checks import (
    CONSTANT,
    CONSTANT_BY_SCHEMA,
    UNCOMPARABLE,
)
from streamroute.expressions.types.field_access import MISSPELLED_FIELD, UNKNOWN_FIELD
from streamroute.expressions.types.inference import Inference
from streamroute.expressions.types.mistakes.evidence import Evidence, EvidenceSource
from streamroute.expressions.types.mistakes.fields_for_literals import (
    FIELD_FOR_LITERAL,
    find_fields_for_literals,
)
from streamroute.expressions.types.mistakes.impossible_equality import NEVER_EQUAL
from streamroute.expressions.types.mistakes.likely_mistakes import (
    DEFAULT_TRAITS,
    FIELD_OF_A_LIST,
    LENGTH_AS_FIELD,
    SWAPPED,
    PayloadTraits,
    find_likely_mistakes,
)
from streamroute.expressions.types.mistakes.malformed_literals import MALFORMED_LITERAL, VALUE_IN_QUOTES
from streamroute.expressions.types.mistakes.payload_names import NAMED_PAYLOAD
from streamroute.expressions.types.problem_report import ProblemReport
from streamroute.expressions.types.scope import Scope
from streamroute.text.lazy_pattern import lazy_pattern

_SAME_BY_LITERALS: Final = {
    WRONG_ARGUMENT: WRONG_ARGUMENT,
    WRONG_ELEMENTS: WRONG_ELEMENTS,
    UNCOMPARABLE: CONSTANT,
}
"""Codes of problems by the schema, and the code of the same problem found by the literals."""

_BETTER_ADVISED: Final = {
    UNKNOWN_FIELD: {NAMED_PAYLOAD, LENGTH_AS_FIELD, FIELD_OF_A_LIST},
    UNCOMPARABLE: {VALUE_IN_QUOTES, MALFORMED_LITERAL},
    CONSTANT_BY_SCHEMA: {VALUE_IN_QUOTES, MALFORMED_LITERAL, NEVER_EQUAL},
    CONSTANT: {MALFORMED_LITERAL},
    WRONG_ARGUMENT: {SWAPPED},
    MAY_BE_MISSING: {SWAPPED},
}
"""The codes whose advice replaces that of another finding about the same part."""

_ADVICE: Final = lazy_pattern(
    r"(?:^|: )(?:write |compare it: |a number is written in backticks: )(.*?)(?:; if |\Z)"
)
"""Matches the expression that a piece of advice offers."""

_MAX_FOLLOWED_LENGTH: Final = 60
_MAX_ADVICE_STEPS: Final = 4

_CLEAN: Final = {True: CleanSkeletons(), False: CleanSkeletons()}
"""Skeletons without problems for any payload: of conditions (True), and of other expressions."""


def check_types(
    tree: Tree,
    payload: Type | None = None,
    *,
    validated: bool = False,
    condition: bool = True,
    traits: PayloadTraits = DEFAULT_TRAITS,
    get_evidence: EvidenceSource | None = None,
    final_advice: bool = True,
) -> list[Problem]:
    """Return the problems of an expression without fatal problems, in the order of their places.

    ``payload`` is the type of the payload (None if unknown). With ``validated``, messages are validated
    against its schema. A ``condition``, such as a filter, is used for its truth, any other expression for its
    value. ``traits`` describe the codecs of the payload. ``get_evidence`` returns the evidence in the
    configuration beside its schemas; by default, that in the expression itself. With ``final_advice``, advice
    is followed until the offered expression has no problems, which takes longer.
    """
    get_evidence = get_evidence or cache(lambda: Evidence([tree]))
    check = partial(
        _checked,
        payload=payload,
        validated=validated,
        condition=condition,
        traits=traits,
        get_evidence=get_evidence,
    )
    return with_final_advice(check(tree), tree, check) if final_advice else check(tree)


def with_final_advice(
    problems: list[Problem], tree: Tree, check: Callable[[Tree], list[Problem]]
) -> list[Problem]:
    """Replace each problem's advice by advice without problems according to ``check``, if there is any."""

    @cache
    def first_advice(expression: str) -> str | None:
        """The expression that the first advice about an expression offers instead."""
        if not is_valid(expression):
            return None
        advices = (_whole_advice(found, expression) for found in check(parse(expression)))
        return next((advice for advice in advices if advice and is_valid(advice)), None)

    return [_with_final_advice(problem, tree, first_advice) for problem in problems]


def _with_final_advice(problem: Problem, tree: Tree, first_advice: Callable[[str], str | None]) -> Problem:
    """Follow the problem's advice until the offered expression has no advice itself."""
    offered = _whole_advice(problem, tree.expression)
    if offered is None or len(tree.expression) > _MAX_FOLLOWED_LENGTH:
        return problem
    final = offered
    for _ in range(_MAX_ADVICE_STEPS):
        final = first_advice(final) or final
    return problem._replace(help=str(problem.help).replace(offered, final))


def _whole_advice(problem: Problem, expression: str) -> str | None:
    """The whole expression that a problem's advice offers."""
    match = _ADVICE.search(problem.help or "")
    is_whole = (problem.start, problem.end) == (0, len(expression.rstrip()))
    return match[1] if match and (is_whole or problem.rewrites) else None


def _checked(
    tree: Tree,
    payload: Type | None,
    *,
    validated: bool,
    condition: bool,
    traits: PayloadTraits,
    get_evidence: EvidenceSource,
) -> list[Problem]:
    problems = list(_problems_without_payload(tree, condition=condition))
    report = ProblemReport(tree, declared=True, validated=validated)
    if payload is not None and payload is not UNKNOWN:
        _run(tree, payload, report, condition=condition)
        problems += _not_yet_reported(report.problems, problems)
    problems += find_fields_for_literals(tree, report.is_known_field)
    problems = [problem for problem in problems if not _is_shown_field(problem, tree, get_evidence)]
    shapes = () if payload is None else payload.objects
    declared = declared_names(shapes) if all(shape.declared for shape in shapes) else ()
    mistakes = list(
        find_likely_mistakes(tree, report.is_known_field, report.compared, traits, declared, get_evidence)
    )
    covered = Spans(problems)
    payload_name_ends = {
        mistake.end + 1 for mistake in mistakes if mistake.code == NAMED_PAYLOAD and mistake.end is not None
    }
    problems = [
        _advised(problem, mistakes)
        for problem in problems
        if not _follows_payload_name(problem, payload_name_ends)
    ]
    problems += [mistake for mistake in mistakes if not covered.overlap(mistake)]
    return list(_without_consequences(sorted(problems, key=lambda problem: (problem.start, problem.code))))


def _problems_without_payload(tree: Tree, *, condition: bool) -> list[Problem]:
    """The problems that do not depend on the payload."""
    clean_skeletons = _CLEAN[condition]
    skeleton = skeleton_of(tree.expression)
    if skeleton is not None and clean_skeletons.is_clean(skeleton):
        return []
    problems = _run(tree, UNKNOWN, ProblemReport(tree), condition=condition).problems
    if skeleton is not None and not problems:
        clean_skeletons.add(skeleton)
    return problems


def _run(tree: Tree, payload: Type, report: ProblemReport, *, condition: bool) -> ProblemReport:
    inference, scope = Inference(tree, report), Scope.of(payload)
    if condition:
        inference.condition(tree.root, scope)
    else:
        inference.infer(tree.root, scope)
    return report


def _is_shown_field(problem: Problem, tree: Tree, get_evidence: EvidenceSource) -> bool:
    """Whether a seemingly misspelled name is a field of messages in tests or examples."""
    return (
        problem.code == MISSPELLED_FIELD
        and tree.expression[problem.start : problem.end] in get_evidence().names
    )


def _follows_payload_name(problem: Problem, ends: set[int]) -> bool:
    """Whether an unknown field follows a name for the payload, which is reported itself."""
    return problem.code == UNKNOWN_FIELD and problem.start in ends


def _advised(problem: Problem, mistakes: list[Problem]) -> Problem:
    """Add the advice of a likely mistake about the same part to a problem found by the schema."""
    codes = _BETTER_ADVISED.get(problem.code, ())
    about = (mistake for mistake in mistakes if mistake.code in codes and Spans([problem]).overlap(mistake))
    better = next(about, None)
    return (
        problem
        if better is None
        else problem._replace(help=better.help, suggestion=None, rewrites=better.rewrites)
    )


def _not_yet_reported(problems: list[Problem], reported: list[Problem]) -> Iterator[Problem]:
    """The problems found by the schema, except for parts with the same problem already."""
    constants = Spans(other for other in reported if other.constant)
    known = {(other.start, other.end, other.code) for other in reported}
    for problem in problems:
        if problem.constant and constants.overlap(problem):
            continue
        if (problem.start, problem.end, _SAME_BY_LITERALS.get(problem.code)) not in known:
            yield problem


def _without_consequences(problems: list[Problem]) -> Iterator[Problem]:
    """Drop other problems of a name that should be a literal: they are consequences."""
    causes = Spans(other for other in problems if other.code == FIELD_FOR_LITERAL)
    for problem in dict.fromkeys(problems):
        if problem.code == FIELD_FOR_LITERAL or not causes.overlap(problem):
            yield problem
