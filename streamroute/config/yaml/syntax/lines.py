"""Find the line at fault if YAML reports another: a line that lacks a colon, a space or a dash."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import yaml

from streamroute.config.findings.finding import Finding
from streamroute.config.findings.text_file import TextFile
from streamroute.config.json_schema import checked_schema
from streamroute.config.yaml.syntax.messages import problem_of

_BEGIN: Final = r"(?P<before>[ \t]*+(?:- ++)*+)"
_KEY: Final = r"(?P<key>[A-Za-z_][\w.-]*)"
_HAS_KEY: Final = re.compile(r"[^#\"']*?:(?:[ \t]|$)")
_SIGNS: Final[tuple[tuple[re.Pattern[str], str, str], ...]] = tuple(
    (re.compile(_BEGIN + pattern), message, advice)
    for pattern, message, advice in (
        (r"(?P<at>//|/\*)", "comments in YAML start with #", "write #"),
        (
            r"(?P<at>[\u2010-\u2015\u2022\u2212]) ",
            "unexpected dash character: a list item starts with a hyphen and a space",
            'write "- "',
        ),
        (rf"(?P<at>-){_KEY}:(?:\s|$)", 'missing space after "-"', 'write "- {key}:"'),
        (r"(?P<at>\ufeff)", "unexpected byte order mark inside the file", "remove it"),
        (
            r".*?(?P<at>[\u00a0\u2000-\u200b\u202f\u3000])",
            "unexpected space character: YAML reads it as part of a word",
            "write an ordinary space",
        ),
        (
            rf"{_KEY} *(?P<at>\uff1a)",
            "unexpected colon character",
            "write an ordinary colon and a space",
        ),
        (
            rf"{_KEY} *(?P<at>:=|=>|->|=|;)(?: |$)",
            'missing ":" after the key',
            'write "{key}: "',
        ),
        (rf"{_KEY}(?P<at>:)[^\s/:]", 'missing space after ":"', 'write "{key}: "'),
    )
)
_WORD: Final = re.compile(rf"{_BEGIN}(?P<at>[A-Za-z_][\w.-]*)(?P<rest>[ \t]+[^\s:].*+)?[ \t]*")
"""A possible key that lacks its colon."""


_MAX_LINE_LENGTH: Final = 1_000
"""Characters of a line; longer lines are not searched for mistakes."""


def explain_line(error: yaml.MarkedYAMLError, file: TextFile, at: int) -> Finding | None:
    """Return the finding about the line that caused the error, or None if the cause is unknown."""
    for number in _suspects(error, file, at):
        line = file.line(number)
        if len(line) <= _MAX_LINE_LENGTH and not _is_quoted(line):
            found = (
                _block_not_indented(file, number)
                or _sign_in(file, number, line)
                or _colon_missing(file, number, line)
            )
            if found:
                return found
    return None


def _suspects(error: yaml.MarkedYAMLError, file: TextFile, at: int) -> Iterator[int]:
    """Yield the lines that may be at fault, the likeliest first."""
    here = file.position(at)[0]
    context = error.context_mark
    if "could not find expected ':'" in problem_of(error) and context is not None:
        yield file.position(min(context.index, len(file.text)))[0]
        return
    if "mapping values" in problem_of(error):
        # YAML joined the words above and this line into one multi-line scalar.
        yield from reversed(list(_words_above(file, here)))
    yield here


def _words_above(file: TextFile, here: int) -> Iterator[int]:
    for number in range(here - 1, 0, -1):
        line = file.line(number)
        if not line.strip() or _HAS_KEY.match(line) or line.lstrip().startswith("#"):
            if line.strip() and not line.lstrip().startswith("#"):
                yield number if _starts_with_sign(line) else here
            return
        yield number


def _starts_with_sign(line: str) -> bool:
    return any(pattern.match(line) for pattern, _, _ in _SIGNS)


def _is_quoted(line: str) -> bool:
    return line.lstrip(" \t-")[:1] in {'"', "'", "{", "["}


def _block_not_indented(file: TextFile, number: int) -> Finding | None:
    """Report the text of a block scalar that is not indented deeper than its key."""
    above, line = file.line(number - 1), file.line(number)
    key = re.match(rf"{_BEGIN}[\w.-]+:[ \t]+[|>][-+]?[ \t]*$", above)
    if key is None or len(line) - len(line.lstrip()) > len(key["before"]):
        return None
    start = len(line) - len(line.lstrip())
    message = "the text of a block must be indented deeper than its key"
    advice = f"indent it by {len(key['before']) + 2} spaces"
    return _finding(file, number, (start, len(line.rstrip())), message, advice)


def _sign_in(file: TextFile, number: int, line: str) -> Finding | None:
    for pattern, message, advice in _SIGNS:
        match = pattern.match(line)
        if match:
            return _finding(file, number, match.span("at"), message, advice.format(**match.groupdict()))
    return None


def _colon_missing(file: TextFile, number: int, line: str) -> Finding | None:
    match = _WORD.fullmatch(line.rstrip())
    if match is None:
        return None
    key, rest = match["at"], (match["rest"] or "").strip()
    if key not in _keys() and (rest or not _opens(file, number, line)):
        return None
    message = f'missing colon after "{key}"'
    return _finding(file, number, match.span("at"), message, f"write {key}: {rest}".rstrip())


def _opens(file: TextFile, number: int, line: str) -> bool:
    """Whether the next line is indented deeper, so that this one should be its key."""
    below = file.line(number + 1)
    return len(below) - len(below.lstrip()) > len(line) - len(line.lstrip())


def _finding(file: TextFile, number: int, columns: tuple[int, int], message: str, advice: str) -> Finding:
    start = file.start_of_line(number)
    span = file.between(start + columns[0], start + columns[1])
    return file.finding("SR004", message, span, help=advice)


@cache
def _keys() -> frozenset[str]:
    """Return every key that the schema of a configuration allows."""
    return frozenset(_named(checked_schema()))


def _named(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        properties = schema.get("properties")
        yield from properties if isinstance(properties, dict) else ()
        for part in schema.values():
            yield from _named(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _named(part)
