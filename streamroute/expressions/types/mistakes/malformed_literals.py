"""Literals that look like something else: a number in quotes, invalid JSON in backticks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import Node, Tree, walk
from streamroute.expressions.types.algebra.json_types import UNKNOWN, Type
from streamroute.expressions.types.mistakes.evidence import Evidence, EvidenceSource
from streamroute.expressions.types.nodes import Path, is_literal, path_of
from streamroute.expressions.types.phrases import is_numeric
from streamroute.text.bounded_json import loads_bounded
from streamroute.text.lazy_pattern import lazy_pattern
from streamroute.text.truncation import ellipsize

VALUE_IN_QUOTES: Final = "SR324"
MALFORMED_LITERAL: Final = "SR325"
_ORDERINGS: Final = frozenset({"lt", "lte", "gt", "gte"})
_TEXTS: Final = lazy_pattern(
    r"date|time|year|month|version|zip|post|_at\Z|At\Z|id\Z|sku|number\Z|code\Z|phone|build|_no\Z|No\Z|ref"
    r"|serial|iban|account|isbn|hash|etag|semver|release|cursor|name|plz|\A(?:ip|key|lsn|rev|tag)\Z"
)
"""Names of fields whose strings look like numbers, but are ordered as text."""

_YEAR: Final = lazy_pattern(r"(?:19|20)[0-9]{2}\Z")
_MOMENT: Final = lazy_pattern(r"[0-9]{4}-[0-9]{2}|[0-9]{1,2}:[0-9]{2}")
_NUMBER_LIKE: Final = lazy_pattern(r"[-+]?[.$]?[0-9][0-9_,.]*%?\Z|0[xob][0-9a-fA-F]+\Z")
_PHONE: Final = lazy_pattern(r"\+[0-9]{6,}\Z")
_BY_COMMAS: Final = lazy_pattern(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?\Z")
_CLOSERS: Final = {"[": "]", "{": "}"}
_TRUTH: Final = frozenset({"true", "false", "True", "False", "TRUE", "FALSE"})
_WORDS: Final = {
    **dict.fromkeys(("none", "nil", "null", "undefined"), "`null`"), "true": "`true`", "false": "`false`",
}  # fmt: skip


class QuotedValue(NamedTuple):
    """A compared value in quotes: its node, what is wrong with it, and what to write."""

    literal: Node
    message: str
    replacement: str


def check_compared_literals(
    tree: Tree, node: Node, types: tuple[Type, Type] | None, get_evidence: EvidenceSource, *, has_types: bool
) -> Iterator[QuotedValue | Problem]:
    """Check the literals of a comparison: values in quotes, and ordered ones in backticks that are not JSON.

    ``has_types``: the message has values of other types than strings. ``types`` are those of both sides, if
    known.
    """
    for side, (literal, other) in enumerate((node["children"], reversed(node["children"]))):
        if not is_literal(literal) or is_literal(other):
            continue
        t = UNKNOWN if types is None else types[1 - side]
        if _is_raw(tree, literal) and has_types and (t is UNKNOWN or not t.has("string")):
            yield from _in_quotes(node, literal, other, t, get_evidence)
        if node["value"] in _ORDERINGS and not _is_raw(tree, literal) and isinstance(literal["value"], str):
            yield from _ordered_word(tree, literal)


def quoted_value_problems(tree: Tree, values: list[QuotedValue]) -> Iterator[Problem]:
    """Yield a problem for each quoted value in an expression; the advice corrects them all.

    ``flag == `true` || flag == 'true'`` accepts both values and is not reported.
    """
    if values:
        both = set(_compared_both_ways(tree, values))
        values = [each for each in values if id(each.literal) not in both]
    rewritten = with_replaced(tree, [(each.literal, each.replacement) for each in values])
    for literal, message, replacement in values:
        yield rewriting(VALUE_IN_QUOTES, message, literal, rewritten, replacement)


def _compared_both_ways(tree: Tree, values: list[QuotedValue]) -> Iterator[int]:
    """The ids of literals whose field is also compared with the probably meant value."""
    replacements = {id(each.literal): each.replacement for each in values}
    nodes = (node for node, _, _ in walk(tree.root, 0, len(tree.expression)))
    comparators = [node for node in nodes if node["type"] == "comparator"]
    seen = {_texts(tree, node, {}) for node in comparators}
    for node in comparators:
        if _texts(tree, node, replacements) in seen:
            yield from (id(side) for side in node["children"] if id(side) in replacements)


def _texts(tree: Tree, comparator: Node, instead: dict[int, str]) -> tuple[str, ...]:
    """A comparison's operator and sides as text, with some literals replaced."""
    sides = [
        instead.get(id(side)) or tree.expression[side["start"] : side["end"]] if "start" in side else ""
        for side in comparator["children"]
    ]
    return (str(comparator["value"]), *sides)


def _in_quotes(
    node: Node, literal: Node, other: Node, t: Type, get_evidence: EvidenceSource
) -> Iterator[QuotedValue]:
    value, path = literal["value"], path_of(other)
    if path is None:
        return
    is_truth = value in _TRUTH and (t is UNKNOWN or t.has("boolean"))
    is_number = (
        node["value"] in _ORDERINGS
        and is_numeric(value)
        and (t is UNKNOWN or t.has("number"))
        and not _reads_as_text(value, path)
    )
    if not (is_truth or is_number) or _is_text(path, get_evidence(), is_number=is_number):
        return
    if is_truth:
        message = f"'{value}' is a string, which never equals a boolean"
    else:
        message = f"'{value}' is a string, which cannot be compared with a number"
    yield QuotedValue(literal, message, f"`{value.lower()}`")


def _is_text(path: Path, evidence: Evidence, *, is_number: bool) -> bool:
    """Whether a field is a string by the evidence: in messages, or in comparisons with other strings."""
    others = (value.strip("'") for value in evidence.compared.get(path, ()) if isinstance(value, str))
    if any(not is_numeric(other) if is_number else other not in _TRUTH for other in others):
        return True
    return evidence.is_text(path)


def _reads_as_text(value: str, path: Path) -> bool:
    return bool(_YEAR.match(value)) or bool(path and _TEXTS.search(path[-1]))


def _ordered_word(tree: Tree, literal: Node) -> Iterator[Problem]:
    """Report `` total > `abc` ``: invalid JSON is a string."""
    inner = _inside(tree, literal)
    if _is_json(inner) or _MOMENT.match(inner) or any(malformed(tree, literal)):
        return
    advice = "write a number as `3`, and a string in single quotes"
    yield Problem(MALFORMED_LITERAL, _not_json(literal), literal["start"], literal["end"], advice)


def malformed(tree: Tree, node: Node) -> Iterator[Problem]:
    """Yield a problem for invalid JSON in backticks that is not meant as a string."""
    if not is_literal(node) or "start" not in node or _is_raw(tree, node):
        return
    if not isinstance(node["value"], str):
        return
    inner = _inside(tree, node)
    if _is_json(inner):
        return
    literal = _misspelled_literal(inner)
    if literal:
        yield replaced(tree, MALFORMED_LITERAL, node, _not_json(node), literal)
    elif _is_unfinished(inner.strip()):
        yield _unfinished(tree, node, inner.strip())


def _is_list_of_literals(text: str) -> bool:
    return re.fullmatch(r"\[\s*'[^']*'\s*(?:,\s*'[^']*'\s*)*\]", text) is not None


def _is_unfinished(inner: str) -> bool:
    """Whether a text starts or ends like a list or an object, but is neither; `[a-z]` may be a string."""
    opens, closes = inner[:1] in _CLOSERS, inner[-1:] in _CLOSERS.values()
    return len(inner) > 1 and (opens != closes or (opens and any(mark in inner for mark in ",:")))


def _unfinished(tree: Tree, node: Node, inner: str) -> Problem:
    """The problem of an invalid list or object, such as `` a == `[1,2` ``."""
    closed = f"{inner.rstrip(',')}{_CLOSERS.get(inner[:1], '')}"
    if _is_json(closed):
        return replaced(tree, MALFORMED_LITERAL, node, _not_json(node), f"`{closed}`")
    advice = "write a list as `[1, 2]` or ['a', 'b'], and an object as `{\"a\": 1}`"
    return Problem(MALFORMED_LITERAL, _not_json(node), node["start"], node["end"], advice)


def _not_json(node: Node) -> str:
    text = json.dumps(ellipsize(node["value"], 30), ensure_ascii=False)
    return f"the text in backticks is not JSON, so it is read as the string {text}"


def _misspelled_literal(inner: str) -> str | None:
    """The literal that was probably meant by a string that looks like another value."""
    text = inner.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text
    if text[:1] == "[" and text[-1:] == "]" and _is_list_of_literals(text):
        return text  # valid without backticks
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if not _NUMBER_LIKE.match(text):
        return None
    if _PHONE.match(text):
        return f"'{text}'"
    plain = re.sub("[+$%_]", "", text)
    if _BY_COMMAS.match(plain):
        plain = plain.replace(",", "")
    elif "," in plain:
        plain = plain.replace(".", "").replace(",", ".")  # decimal comma
    plain = f"0{plain}" if plain.startswith(".") else plain
    return f"`{plain}`" if is_numeric(plain) else f"'{text}'"


def _is_raw(tree: Tree, node: Node) -> bool:
    return tree.expression[node["start"]] == "'"


def _inside(tree: Tree, node: Node) -> str:
    return tree.expression[node["start"] + 1 : node["end"] - 1].replace("\\`", "`")


def _is_json(text: str) -> bool:
    try:
        loads_bounded(text)
    except (ValueError, RecursionError):
        return False
    return True


def replaced(tree: Tree, code: str, node: Node, message: str, text: str) -> Problem:
    """A problem of a part of an expression, with advice to replace it."""
    rewritten = with_replaced(tree, [(node, text)])
    return rewriting(code, message, node, rewritten, text)


def rewriting(code: str, message: str, node: Node, rewritten: str | None, text: str) -> Problem:
    """A problem whose advice is ``rewritten``, for the whole expression, or else to write ``text``."""
    advice = rewritten or f"write {text}"
    return Problem(code, message, node["start"], node["end"], advice, rewrites=rewritten is not None)


def with_replaced(tree: Tree, parts: list[tuple[Node, str]]) -> str | None:
    """Advice to write the expression with some of its parts replaced."""
    rewritten, at = "", 0
    for node, text in sorted(parts, key=lambda part: int(part[0]["start"])):
        rewritten += f"{tree.expression[at : node['start']]}{text}"
        at = node["end"]
    return advice_to_write(rewritten + tree.expression[at:])


def advice_to_write(expression: str) -> str | None:
    """Advice to write a whole expression, if it is short enough."""
    text = expression.strip()
    return f"write {text}" if len(text) <= 80 and "\n" not in text else None
