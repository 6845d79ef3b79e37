"""Literals that are not what they look like: a number in quotes, what is no JSON in backticks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from streamroute.compiler.parsing import Node, Tree
from streamroute.compiler.problems import Problem
from streamroute.compiler.types.lattice import UNKNOWN, Type
from streamroute.compiler.types.paths import is_literal, path_of
from streamroute.compiler.types.words import is_numeric

VALUE_IN_QUOTES: Final = "SR324"
MALFORMED_LITERAL: Final = "SR325"
_ORDERINGS: Final = frozenset({"lt", "lte", "gt", "gte"})
_TEXTS: Final = re.compile(r"date|time|year|month|version|zip|post|_at\Z|At\Z|id\Z|sku|number\Z|code\Z|phone")
"""Names of strings that look like numbers and are ordered as text."""

_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}\Z")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}|[0-9]{1,2}:[0-9]{2}")
_NUMBER_LIKE: Final = re.compile(r"[-+]?[.$]?[0-9][0-9_,.]*%?\Z|0[xob][0-9a-fA-F]+\Z")
_WORDS: Final = {
    **dict.fromkeys(("none", "nil", "null", "undefined"), "`null`"), "true": "`true`", "false": "`false`",
}  # fmt: skip


def in_comparison(
    tree: Tree, node: Node, types: tuple[Type, Type] | None, *, has_types: bool
) -> Iterator[Problem]:
    """For a literal that is compared: a value in quotes (where the message has values of other types than
    strings), and one in backticks that is ordered, but no JSON. ``types`` are those of both sides, if known.
    """
    for side, (literal, other) in enumerate((node["children"], reversed(node["children"]))):
        if not is_literal(literal) or is_literal(other):
            continue
        t = UNKNOWN if types is None else types[1 - side]
        if _is_raw(tree, literal) and has_types and (t is UNKNOWN or not t.has("string")):
            yield from _in_quotes(tree, node, literal, other)
        if node["value"] in _ORDERINGS and not _is_raw(tree, literal) and isinstance(literal["value"], str):
            yield from _ordered_word(tree, literal)


def _in_quotes(tree: Tree, node: Node, literal: Node, other: Node) -> Iterator[Problem]:
    value = literal["value"]
    path = path_of(other)
    if path is None:
        return
    if value in ("true", "false"):
        message = f"'{value}' is a string, and no truth value equals it"
    elif node["value"] in _ORDERINGS and is_numeric(value) and not _reads_as_text(value, path):
        message = f"'{value}' is a string, and no number is less or greater than it"
    else:
        return
    yield replaced(tree, VALUE_IN_QUOTES, literal, message, f"`{value}`")


def _reads_as_text(value: str, path: tuple[str, ...]) -> bool:
    return bool(_YEAR.match(value)) or bool(path and _TEXTS.search(path[-1]))


def _ordered_word(tree: Tree, literal: Node) -> Iterator[Problem]:
    """`` total > `abc` ``: no JSON, and so a string."""
    inner = _inside(tree, literal)
    if _is_json(inner) or _MOMENT.match(inner) or _strange(inner):
        return
    advice = "a number is written `3`, a string in single quotes"
    yield Problem(MALFORMED_LITERAL, _not_json(literal), literal["start"], literal["end"], advice)


def malformed(tree: Tree, node: Node) -> Iterator[Problem]:
    """For a literal in backticks that is no JSON, and that nobody means as the string that it is."""
    if _is_raw(tree, node) or not isinstance(node["value"], str) or "start" not in node:
        return
    inner = _inside(tree, node)
    meant = None if _is_json(inner) else _strange(inner)
    if meant:
        yield replaced(tree, MALFORMED_LITERAL, node, _not_json(node), meant)


def _not_json(node: Node) -> str:
    value = node["value"] if len(node["value"]) <= 30 else f"{node['value'][:27]}..."
    shown = json.dumps(value, ensure_ascii=False)
    return f"what stands in backticks is not JSON, so that it is the string {shown}"


def _strange(inner: str) -> str | None:
    """What was meant by a string that looks like anything else."""
    text = inner.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text
    if text[:1] == "[" and text[-1:] == "]":
        return text  # a list of literals needs no backticks
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if not _NUMBER_LIKE.match(text):
        return None
    plain = re.sub("[+$%_,]", "", text)
    plain = f"0{plain}" if plain.startswith(".") else plain
    return f"`{plain}`" if is_numeric(plain) else f"'{text}'"


def _is_raw(tree: Tree, node: Node) -> bool:
    return tree.expression[node["start"]] == "'"


def _inside(tree: Tree, node: Node) -> str:
    return tree.expression[node["start"] + 1 : node["end"] - 1].replace("\\`", "`")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def replaced(tree: Tree, code: str, node: Node, message: str, text: str) -> Problem:
    """A problem of a part of an expression, with another text to write in its place."""
    start, end = node["start"], node["end"]
    whole = f"{tree.expression[:start]}{text}{tree.expression[end:]}"
    return Problem(code, message, start, end, advice_to_write(whole) or f"write {text}")


def advice_to_write(whole: str) -> str | None:
    """Advice to write a whole expression, where it is read at a glance."""
    text = whole.strip()
    return f"write {text}" if len(text) <= 80 and "\n" not in text else None
