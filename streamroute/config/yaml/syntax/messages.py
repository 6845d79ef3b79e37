"""Messages for the errors of libyaml and PyYAML."""

from __future__ import annotations

from typing import Final

import yaml

PROBLEMS: Final[tuple[tuple[str, str, str | None], ...]] = (
    (
        "mapping values are not allowed",
        '": " where no key can be',
        'quote a value that holds ": ", or check the indentation of this line and the one above it',
    ),
    (
        "could not find expected ':'",
        'this line is neither a key with ":" nor part of the value above',
        "check its indentation, and write a colon and a space after a key",
    ),
    (
        "did not find expected key",
        "this does not belong to the surrounding mapping",
        "check the indentation; a value that continues after a closing quote must be quoted as a whole",
    ),
    (
        "did not find expected '-' indicator",
        'this does not belong to the surrounding list: an item starts with "- "',
        'check the indentation; every item of a list starts in the same column with "- "',
    ),
    (
        "did not find expected ',' or ']'",
        'the list that starts on line {line} lacks a "," or its "]" before this',
        None,
    ),
    (
        "did not find expected ',' or '}'",
        'the mapping that starts on line {line} lacks a "," or its "}}" before this',
        None,
    ),
    (
        "block sequence entries are not allowed",
        '"- " where no list can be',
        "put the list on a line of its own below its key",
    ),
    (
        "found unknown escape character",
        "unknown escape sequence",
        "in single quotes a backslash needs no escape",
    ),
    (
        "found invalid Unicode character escape code",
        "this escape sequence is not a valid character",
        "write the character itself",
    ),
    (
        "did not find expected hexdecimal number",
        "this escape sequence needs hexadecimal digits",
        "in single quotes a backslash needs no escape",
    ),
    (
        "did not find expected comment or line break",
        "nothing may follow | or > on its line",
        "put the text on the next line, indented, or quote it",
    ),
    ("found undefined tag handle", "a value that starts with ! must be quoted", None),
    ("did not find expected <document start>", "unexpected content after the end of the document", None),
    ("did not find expected whitespace or line break", "a value that starts with ! must be quoted", None),
    ("did not find expected node content", "missing value before this", None),
)
"""Part of libyaml's message, the message to show instead, and advice; {line} is where the value starts."""

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
    "'": "it ends at the second ', and nothing may follow",
    '"': 'it ends at the second ", and nothing may follow',
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
