"""The reason why data is invalid, without any of its values: they may be secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

from streamroute.compiler.validation.budget import Budget
from streamroute.compiler.validation.problems import DataProblem, other_keys
from streamroute.config.findings.quoting import join_words
from streamroute.text.kinds import JSON_TYPES, describe_kind
from streamroute.text.safe_text import safe_str
from streamroute.text.truncation import clip

_MAX_SHOWN: Final = 3
_MAX_READ: Final = 10  # problems of one message; more would not help
_MAX_NAMES: Final = 10
_LONGEST_NAME: Final = 80


def reason(problems: Iterable[DataProblem]) -> str | None:
    """The first problems on one line, in the order of their places; None if there are none."""
    first = sorted(islice(problems, _MAX_READ), key=lambda problem: [str(step) for step in problem.path])
    if not first:
        return None
    texts = list(dict.fromkeys(f"{_where(problem)} {_requirement(problem)}" for problem in first))
    more = "" if len(texts) <= _MAX_SHOWN else f" (and {len(texts) - _MAX_SHOWN} more)"
    return "; ".join(texts[:_MAX_SHOWN]) + (more if len(first) < _MAX_READ else " (and more)")


def _where(problem: DataProblem) -> str:
    text = ""
    for step in problem.path:
        name = clip(str(step), _LONGEST_NAME)
        text += f"[{name}]" if isinstance(step, int) else f".{name}" if text else name
    return text or "the data"


def _requirement(problem: DataProblem) -> str:
    text = _REQUIREMENTS.get(problem.keyword)
    return text(problem) if text else f'breaks "{problem.keyword}": {_short(problem.expected)}'


def _short(value: Any) -> str:
    return clip(json.dumps(value, ensure_ascii=False, default=safe_str), _LONGEST_NAME)


def _types(problem: DataProblem) -> str:
    names = problem.expected
    expected = [names] if isinstance(names, str) else names
    return f"must be {join_words(JSON_TYPES[name] for name in expected)}, not {describe_kind(problem.value)}"


def _missing(problem: DataProblem) -> str:
    missing = [name for name in problem.expected if name not in problem.value]
    return f"lacks {_named(missing)}"


def _unexpected(problem: DataProblem) -> str:
    names = other_keys(problem.schema, problem.value, Budget(problem.value))
    return f"has the unexpected {'key' if len(names) == 1 else 'keys'} {_named(names)}"


def _choices(values: list[Any]) -> str:
    return join_words(map(_short, values[:_MAX_NAMES])) if values else "one of an empty list of values"


def _named(names: list[str]) -> str:
    return join_words([_short(name) for name in names[:_MAX_NAMES]], "and")


_REQUIREMENTS: Final[dict[str, Callable[[DataProblem], str]]] = {
    "additionalProperties": _unexpected,
    "anyOf": lambda _problem: "matches none of the allowed forms",
    "const": lambda problem: f"must be {_short(problem.expected)}",
    "enum": lambda problem: f"must be {_choices(problem.expected)}",
    "exclusiveMaximum": lambda problem: f"must be less than {problem.expected}",
    "exclusiveMinimum": lambda problem: f"must be more than {problem.expected}",
    "maxItems": lambda problem: f"has more than {problem.expected} items",
    "maxLength": lambda problem: f"is longer than {problem.expected} characters",
    "maximum": lambda problem: f"must be at most {problem.expected}",
    "minItems": lambda problem: f"has fewer than {problem.expected} items",
    "minLength": lambda problem: f"is shorter than {problem.expected} characters",
    "minimum": lambda problem: f"must be at least {problem.expected}",
    "not": lambda problem: "is not allowed" if not problem.expected else "is excluded by the schema",
    "oneOf": lambda _problem: "matches several forms, of which only one may match",
    "multipleOf": lambda problem: f"must be a multiple of {problem.expected}",
    "pattern": lambda _problem: "does not match the required pattern",
    "required": _missing,
    "type": _types,
    "uniqueItems": lambda _problem: "contains an item twice",
}
