"""Generate code for expressions: jmespath's parse tree as one Python expression.

Safe by construction: the compiled text contains none of the user's text, not even as a constant. Field names,
literals and the like are parameters (``c0``, ``c1`` ...), so that filters of the same form share their code:
ten thousand filters that differ only in constants are compiled once.

Equivalent to the library: if the generated code raises anything, the library evaluates the payload again, and
that result or error counts. The library evaluates what is not covered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from streamroute.expressions.evaluate.code_runtime import NAMES
from streamroute.expressions.evaluate.code_writer import CodeWriter
from streamroute.expressions.evaluate.tree_writer import PAYLOAD, VARIABLE, NotCoveredError
from streamroute.expressions.syntax.parser import Node

__all__ = ["Evaluate", "NotCoveredError", "generate_filter", "generate_value"]

Evaluate = Callable[[Any], Any]


def generate_filter(root: Node, fallback: Evaluate) -> Evaluate:
    """Compile the tree's truth; ``fallback`` runs if the code raises. Raises NotCoveredError."""
    writer = CodeWriter()
    return _build(f"True if {writer.truth(root, PAYLOAD)} else False", writer.constants, fallback)


def generate_value(root: Node, fallback: Evaluate) -> Evaluate:
    """Compile the tree's value; ``fallback`` runs if the code raises. Raises NotCoveredError."""
    writer = CodeWriter()
    return _build(writer.value(root, PAYLOAD), writer.constants, fallback)


def _build(expression: str, constants: list[Any], fallback: Evaluate) -> Evaluate:
    return _factory(expression, len(constants))(fallback, *constants)


_TEMPLATE: Final = """
def factory(fallback{constants}):
    def evaluate(p):
        try:
            return {expression}
        except BaseException:
            return fallback(p)
    return evaluate
"""

_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_KEYWORDS: Final = frozenset(
    {"True", "False", "None", "and", "or", "not", "if", "else", "for", "in", "is", "lambda"}
    | {"__class__", "get", "bool", "dict", "float", "int", "isinstance", "len", "list", "str"}
    | {"startswith", "endswith"}
)
_SIGNS: Final = re.compile(r"[\w ().,:=<>!\[\]{}]*", re.ASCII)


@lru_cache(maxsize=1024)
def _factory(expression: str, constants: int) -> Callable[..., Evaluate]:
    _assert_generated(expression)
    parameters = "".join(f", c{number}" for number in range(constants))
    source = _TEMPLATE.format(constants=parameters, expression=expression)
    scope: dict[str, Any] = dict(NAMES)
    try:
        exec(compile(source, "<streamroute filter>", "exec"), scope)  # noqa: S102 - see _assert_generated
    except (SyntaxError, RecursionError, MemoryError) as error:
        # Nested too deep for Python's own parser.
        raise NotCoveredError(str(error)) from error
    factory: Callable[..., Evaluate] = scope["factory"]
    return factory


def _assert_generated(expression: str) -> None:
    """Defense in depth: allow only known words, generated variables, and harmless characters."""
    words = _IDENTIFIER.findall(expression)
    known = all(word in _KEYWORDS or word in NAMES or VARIABLE.fullmatch(word) for word in words)
    if not known or not _SIGNS.fullmatch(expression):
        raise NotCoveredError("generated code holds what no template wrote")
