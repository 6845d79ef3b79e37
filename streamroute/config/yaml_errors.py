"""YAML's own errors, in a person's words."""

from __future__ import annotations

import re
from typing import Final

import yaml

from streamroute.config.builder import EXPRESSION_KEYS, QUOTE_IT
from streamroute.config.diagnostics import Finding
from streamroute.config.text import TextFile

_EXPRESSION_LINE: Final = re.compile(
    rf"[ \t]*(?:- +)*(?:{'|'.join(sorted(EXPRESSION_KEYS))})[ \t]*:[ \t]+(\S)"
)
_CONTROL: Final = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_WORDS: Final[tuple[tuple[str, str, str | None], ...]] = (
    (
        "mapping values are not allowed",
        'a ": " stands where no key can be',
        'quote a value that holds ": ", or check the indentation of this line and the one above it',
    ),
    (
        "could not find expected ':'",
        'this line is neither a key with ":" nor part of the value above it',
        "check its indentation, and that a key is followed by a colon and a space",
    ),
    (
        "did not find expected key",
        "this does not belong to the mapping around it",
        "check the indentation; a value that goes on behind a closing quote must be quoted as a whole",
    ),
    (
        "did not find expected '-' indicator",
        'this does not belong to the list around it: an item starts with "- "',
        'check the indentation; every item of a list starts in the same column with "- "',
    ),
    ("did not find expected ',' or ']'", 'a list in [ ] lacks a "," or its "]" before this', None),
    ("did not find expected ',' or '}'", 'a mapping in { } lacks a "," or its "}" before this', None),
    (
        "block sequence entries are not allowed",
        'a "- " stands where no list can be',
        "put the list on a line of its own below its key",
    ),
    (
        "found unknown escape character",
        "this escape is not one of YAML's",
        "in single quotes a backslash needs no escape",
    ),
    (
        "did not find expected hexdecimal number",
        "this escape needs hexadecimal digits",
        "in single quotes a backslash needs no escape",
    ),
    (
        "did not find expected comment or line break",
        "a | or > must end its line",
        "put the text on the next line, indented, or quote it",
    ),
    ("found undefined tag handle", "a value that starts with ! must be quoted", None),
    ("did not find expected <document start>", "this stands behind the end of the document", None),
    (
        "did not find expected alphabetic or numeric character",
        "a value that starts with * or & must be quoted",
        None,
    ),
    ("did not find expected node content", "a value is missing before this", None),
)


def explain_yaml_error(error: yaml.YAMLError, file: TextFile) -> Finding:
    """The finding for what PyYAML raised while it read ``file``."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return _explain_character(file)
    mark = error.problem_mark or error.context_mark
    at = min(mark.index if mark else 0, len(file.text))
    return _explain_unclosed(error, file) or _explain_tab(file, at) or _explain_syntax(error, file, at)


def _explain_character(file: TextFile) -> Finding:
    match = _CONTROL.search(file.text)
    at = match.start() if match else 0
    name = f"U+{ord(file.text[at]):04X}" if match else "a character"
    return file.finding(
        "SR004",
        f"YAML does not allow the character {name}",
        file.between(at, at + 1),
        help='write it as an escape in double quotes, such as "\\x07"',
    )


def _explain_unclosed(error: yaml.MarkedYAMLError, file: TextFile) -> Finding | None:
    """A quote or bracket that is never closed is shown where it opens, not where the file ends."""
    if error.context_mark is None:
        return None
    start = error.context_mark.index
    opener = file.text[start : start + 1]
    at_end = error.problem_mark is None or not file.text[error.problem_mark.index :].strip()
    unclosed = "quoted scalar" in str(error.context) or (at_end and opener in {"[", "{"})
    if not unclosed or "escape" in str(error.problem) or "number" in str(error.problem):
        return None
    return file.finding("SR004", f"this {opener} is never closed", file.between(start, start + 1))


def _explain_tab(file: TextFile, at: int) -> Finding | None:
    line, column = file.position(at)
    text = file.line(line)
    indentation = text[: len(text) - len(text.lstrip())]
    tab = indentation.find("\t")
    if tab < 0 or column - 1 > len(indentation):
        return None
    start = at - (column - 1) + tab
    return file.finding(
        "SR005",
        "a tab is used for indentation, where YAML takes spaces only",
        file.between(start, start + 1),
        help="put spaces in its place",
    )


def _explain_syntax(error: yaml.MarkedYAMLError, file: TextFile, at: int) -> Finding:
    span = file.between(at, min(at + 1, len(file.text)))
    line = file.position(at)[0]
    if _EXPRESSION_LINE.match(file.line(line)):
        return file.finding(
            "SR303", f"YAML can't read this expression: {_words(error, file, at)[0]}", span, help=QUOTE_IT
        )
    message, advice = _words(error, file, at)
    return file.finding("SR004", message, span, help=advice)


def _words(error: yaml.MarkedYAMLError, file: TextFile, at: int) -> tuple[str, str | None]:
    problem = str(error.problem or error.context)
    char = file.text[at : at + 1]
    if "cannot start any token" in problem:
        return f"a value can't start with {'a tab' if char == chr(9) else char}", "quote the value"
    for part, message, advice in _WORDS:
        if part in problem:
            return message, advice
    return f"the file is not YAML: {problem}", None
