"""Messages for the errors of libyaml and PyYAML."""

from __future__ import annotations

from typing import Final

import yaml

PROBLEMS: Final[tuple[tuple[str, str, str | None], ...]] = (
    (
        "mapping values are not allowed",
        'unexpected ": "',
        "check the indentation of this line and the line above",
    ),
    (
        "could not find expected ':'",
        'expected a key with ":"',
        "check the indentation, and write a colon and a space after the key",
    ),
    (
        "did not find expected key",
        "expected a key of the surrounding mapping",
        "check the indentation",
    ),
    (
        "did not find expected '-' indicator",
        'expected an item of the surrounding list, starting with "- "',
        "check the indentation; all items of a list start in the same column",
    ),
    (
        "did not find expected ',' or ']'",
        'missing "," or "]" in the list that starts on line {line}',
        None,
    ),
    (
        "did not find expected ',' or '}'",
        'missing "," or "}}" in the mapping that starts on line {line}',
        None,
    ),
    (
        "block sequence entries are not allowed",
        'unexpected "- "',
        "start the list on a new line below its key",
    ),
    (
        "found unknown escape character",
        "unknown escape sequence",
        "use single quotes, in which a backslash is literal",
    ),
    (
        "found invalid Unicode character escape code",
        "invalid escape sequence: it is not a Unicode character",
        "write the character itself",
    ),
    (
        "did not find expected hexdecimal number",
        "invalid escape sequence: expected hexadecimal digits",
        "use single quotes, in which a backslash is literal",
    ),
    (
        "did not find expected comment or line break",
        "unexpected text after | or >",
        "put the text on the next line, indented, or quote it",
    ),
    ("found undefined tag handle", "a value that starts with ! must be quoted", None),
    ("did not find expected <document start>", "unexpected content after the end of the document", None),
    ("did not find expected whitespace or line break", "a value that starts with ! must be quoted", None),
    ("did not find expected node content", "missing value", None),
)
"""Part of libyaml's message, the message to show instead, and advice; {line} is where the value starts."""

INSIDE_LINE: Final = {
    "mapping values are not allowed": (": ", 'quote a value that contains ": "'),
    "did not find expected key": (
        "",
        "a value that continues after a closing quote or bracket must be quoted as a whole",
    ),
}
"""By problem, a part of the text before it on its line, and the advice to give instead if it is there."""

_OF_PYYAML: Final = (
    ("expected <block end>", "block collection", "did not find expected '-' indicator"),
    ("expected <block end>", "", "did not find expected key"),
    ("expected ',' or ']'", "", "did not find expected ',' or ']'"),
    ("expected ',' or '}'", "", "did not find expected ',' or '}'"),
    ("expected the node content", "", "did not find expected node content"),
    ("sequence entries are not allowed", "", "block sequence entries are not allowed"),
    ("expected chomping or indentation", "", "did not find expected comment or line break"),
    ("expected alphabetic or numeric", "", "did not find expected alphabetic or numeric character"),
    ("expected ' '", "", "did not find expected whitespace or line break"),
    ("expected '<document start>'", "", "did not find expected <document start>"),
)
"""A message of PyYAML's own parser, its context, and libyaml's message for the same error."""


def problem_of(error: yaml.MarkedYAMLError) -> str:
    """Return the error's message in libyaml's wording, whichever parser raised it."""
    problem, context = str(error.problem or error.context), str(error.context)
    if problem.startswith("did not"):
        return problem
    same = (ours for part, where, ours in _OF_PYYAML if problem.startswith(part) and where in context)
    return next(same, problem)


MISREAD: Final = {
    "!": "a leading ! is a tag",
    "&": "a leading & is an anchor",
    "*": "a leading * is an alias",
    "`": "a plain value cannot start with `",
    "@": "a plain value cannot start with @",
    "%": "a plain value cannot start with %",
    "'": "unexpected text after the closing '",
    '"': 'unexpected text after the closing "',
    "|": "| starts a block of text on the next line",
    ">": "> starts a block of text on the next line",
    "[": "a leading [ starts a list",
    "{": "a leading { starts a mapping",
}
"""Why YAML misreads a value that starts with this character."""

BLOCKS: Final = frozenset("|>")
"""The characters that start a block scalar."""

CLOSED: Final = {
    "'": "in single quotes a ' is written twice: ''",
    '"': 'in double quotes a " is written \\"',
}
"""Advice if a value continues after its closing quote."""
