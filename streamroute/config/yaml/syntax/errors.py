"""Explain the errors of the YAML parser."""

from __future__ import annotations

import re
from typing import Final

import yaml

from streamroute.config.findings.finding import Finding
from streamroute.config.findings.quoting import hide_secrets, quote_yaml
from streamroute.config.findings.text_file import TextFile
from streamroute.config.yaml.builder import EXPRESSION_KEYS, TOO_DEEP
from streamroute.config.yaml.syntax.lines import explain_line
from streamroute.config.yaml.syntax.messages import BLOCKS, CLOSED, INSIDE_LINE, MISREAD, PROBLEMS, problem_of
from streamroute.config.yaml.syntax.other_formats import find_other_format

_VALUE_LINE: Final = re.compile(r"[ \t]*(?:- +)*(?P<key>[\w-]+)[ \t]*:[ \t]+(?=\S)")
_BLOCK_START: Final = re.compile(r"[|>][-+0-9]*[ \t]*(#.*)?$")
_ESCAPE: Final = re.compile("escape|hexdecimal")
_NO_SPACE: Final = re.compile(r"[ \t]*(?:- +)*[A-Za-z_][\w-]*(:)[^\s/]")
_PAIR: Final = re.compile(r"((?:[ \t]|- )*)[^\s:#]+:[ \t]+\S")
_ONE_PAIR: Final = re.compile(r"([A-Za-z_][\w.]*): +([\w-]+)", re.ASCII)
_PERCENT_NAME: Final = re.compile(r"%(\w+)%")
_VARIABLE_IN_BRACES: Final = re.compile(r"[\[{,](?:[^\n\"'#\[{,$]|\$(?!\{))*+(\$\{[^}\n]*\}?)")
_CONTROL: Final = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def explain_yaml_error(error: yaml.YAMLError, file: TextFile) -> Finding:
    """Return the finding for an error that PyYAML raised while reading ``file``."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return _explain_character(file)
    mark = error.problem_mark or error.context_mark
    at = min(mark.index if mark else 0, len(file.text))
    return (
        _explain_depth(error, file, at)
        or find_other_format(file)
        or _explain_unclosed(error, file)
        or _explain_tab(file, at)
        or explain_line(error, file, at)
        or _explain_variable(file, at)
        or _explain_value(error, file, at)
        or _explain_blank_line(file, at)
        or _explain_key(error, file, at)
        or _explain_end(file, at)
        or _explain_syntax(error, file, at)
    )


def _explain_character(file: TextFile) -> Finding:
    match = _CONTROL.search(file.text)
    at = match.start() if match else 0
    name = f"U+{ord(file.text[at]):04X}" if match else "a character"
    advice = 'write it as an escape in double quotes, such as "\\x07"'
    return _at(file, at, "SR004", f"YAML does not allow the character {name}", advice)


def _explain_depth(error: yaml.MarkedYAMLError, file: TextFile, at: int) -> Finding | None:
    """Report nesting beyond libyaml's own limit, which newer versions enforce ahead of MAX_DEPTH."""
    if "maximum nesting depth" not in problem_of(error):
        return None
    return _at(file, at, "SR011", TOO_DEEP)


def _explain_unclosed(error: yaml.MarkedYAMLError, file: TextFile) -> Finding | None:
    """Report an unclosed quote or bracket where it opens, not at the end of the file."""
    if error.context_mark is None:
        return None
    start = error.context_mark.index
    opener = file.text[start : start + 1]
    at_end = error.problem_mark is None or not file.text[error.problem_mark.index :].strip()
    unclosed = "quoted scalar" in str(error.context) or (at_end and opener in {"[", "{"})
    if not unclosed or _ESCAPE.search(problem_of(error)):
        return None
    return _at(file, start, "SR004", f"this {opener} is never closed")


def _explain_tab(file: TextFile, at: int) -> Finding | None:
    line, column = file.position(at)
    text = file.line(line)
    indentation = text[: len(text) - len(text.lstrip())]
    tab = indentation.find("\t")
    if tab < 0 or column - 1 > len(indentation):
        return None
    message = "tabs are not allowed for indentation in YAML"
    return _at(file, file.start_of_line(line) + tab, "SR005", message, "use spaces")


def _explain_variable(file: TextFile, at: int) -> Finding | None:
    """Report an unquoted ``${NAME}`` inside a flow mapping or list, where YAML parses its braces."""
    line = file.position(at)[0]
    start = file.start_of_line(line)
    for match in _VARIABLE_IN_BRACES.finditer(file.line(line)):
        if match.start(1) <= at - start <= match.end(1):
            span = file.between(start + match.start(1), start + match.end(1))
            advice = f'write "{match[1]}"'
            return file.finding("SR004", "a variable inside { } or [ ] must be quoted", span, help=advice)
    return None


def _explain_value(error: yaml.MarkedYAMLError, file: TextFile, at: int) -> Finding | None:
    """Report a value on the error's line that YAML misreads: an expression, or one that contains quotes."""
    line, column = file.position(at)
    text = file.line(line).rstrip()
    match = _VALUE_LINE.match(text)
    if match is None or column - 1 < match.end() or _ESCAPE.search(problem_of(error)):
        return None
    start, value = file.start_of_line(line) + match.end(), text[match.end() :]
    span = file.between(start, start + len(value))
    reason = MISREAD.get(value[0], '": " makes the text before it a key')
    if match["key"] in EXPRESSION_KEYS and not value.startswith("- "):
        advice, fix = _advice(value)
        return file.finding(
            "SR303", f"YAML cannot parse this expression: {reason}", span, help=advice, fix=fix
        )
    if value[0] not in MISREAD and "mapping values" in problem_of(error):
        advice = f"quote it: {quote_yaml(hide_secrets(value))}"
        return file.finding("SR004", f"YAML cannot parse this value: {reason}", span, help=advice)
    if value[0] in CLOSED and "did not find expected" in problem_of(error):
        return file.finding("SR004", f"YAML cannot parse this value: {reason}", span, help=CLOSED[value[0]])
    return None


_QUOTED_NAME: Final = re.compile(r"\A([\"'])([A-Za-z_][A-Za-z0-9_.]*)\1(?=\s*(?:[=!<>]=|[<>])\s*['\"`0-9])")
"""A quoted field compared with a literal: YAML ends the value after the closing quote."""


def _advice(value: str) -> tuple[str, str | None]:
    """Return advice for an expression that YAML misreads, and the replacement text, if any."""
    if value[0] in BLOCKS:
        return "write the expression on the next line, indented", None
    value = _QUOTED_NAME.sub(r"\2", value)
    pair = _ONE_PAIR.fullmatch(value)
    if pair:
        return f"compare with ==: {pair[1]} == '{pair[2]}'", None
    # No fix if there may be a trailing comment, which is not part of the expression.
    return f"quote the whole expression: {quote_yaml(value)}", None if " #" in value else quote_yaml(value)


def _explain_key(error: yaml.MarkedYAMLError, file: TextFile, at: int) -> Finding | None:
    """Report a key that YAML parsed as part of the value above it."""
    line = file.position(at)[0]
    if "mapping values" not in problem_of(error) or line == 1:
        return None
    above, text = file.line(line - 1), file.line(line)
    glued = _NO_SPACE.match(above)
    if glued:
        start = file.start_of_line(line - 1) + glued.start(1)
        return _at(file, start, "SR004", 'missing space after ":"')
    pair = _PAIR.match(above)
    indentation = len(text) - len(text.lstrip())
    if pair and indentation > len(pair[1]):
        start = file.start_of_line(line) + indentation
        message = (
            "the line is indented deeper than the key above, so YAML reads it as part of that key's value"
        )
        return file.finding(
            "SR004",
            message,
            file.between(start, at),
            help=f"indent it by {len(pair[1])} spaces, as the key above" if pair[1] else "do not indent it",
        )
    return None


def _explain_blank_line(file: TextFile, at: int) -> Finding | None:
    """Report a block scalar whose first line is blank but indented deeper than its text."""
    number = file.position(at)[0] - 1
    while number > 0 and not file.line(number).strip():
        blank, text = file.line(number), file.line(file.position(at)[0])
        if len(blank) > len(text) - len(text.lstrip()) and _BLOCK_START.search(file.line(number - 1)):
            start = file.start_of_line(number)
            message = "the blank line is indented deeper than the text below it"
            return file.finding(
                "SR004",
                message,
                file.between(start, start + len(blank)),
                help="remove its spaces: YAML takes the indentation of a block from its first line",
            )
        number -= 1
    return None


def _explain_end(file: TextFile, at: int) -> Finding | None:
    if file.text[at:].strip():
        return None
    last = max(len(file.text.rstrip()) - 1, 0)
    return _at(file, last, "SR004", "unexpected end of file: missing value or closing bracket")


def _explain_syntax(error: yaml.MarkedYAMLError, file: TextFile, at: int) -> Finding:
    message, advice = _words(error, file, at)
    return _at(file, at, "SR004", message, advice)


def _at(file: TextFile, start: int, code: str, message: str, advice: str | None = None) -> Finding:
    return file.finding(code, message, file.between(start, min(start + 1, len(file.text))), help=advice)


def _alone(value: str) -> str:
    """Return a value without the rest of the flow mapping or list that contains it."""
    is_inside = any(value.count(closer) > value.count(opener) for opener, closer in ("{}", "[]"))
    return re.split(r"[,}\]]", value)[0].strip() if is_inside else value


def _words(error: yaml.MarkedYAMLError, file: TextFile, at: int) -> tuple[str, str | None]:
    problem = problem_of(error)
    char = file.text[at : at + 1]
    name = _PERCENT_NAME.match(file.text, at)
    if name:
        return "unsupported variable syntax", f"write ${{{name[1]}}}"
    if "cannot start any token" in problem:
        return f"a value cannot start with {'a tab' if char == chr(9) else char}", "quote the value"
    if "alphabetic or numeric character" in problem:
        value = _alone(file.text[max(at - 1, 0) :].splitlines()[0].split(" #")[0].strip())
        return (
            "a value that starts with * or & must be quoted",
            f"write {quote_yaml(value)}" if value else None,
        )
    opened = file.position(error.context_mark.index)[0] if error.context_mark else 1
    for part, message, advice in PROBLEMS:
        if part in problem:
            return message.format(line=opened), _inside_line(part, file, at) or advice
    return f"the file is not YAML: {problem}", None


def _inside_line(part: str, file: TextFile, at: int) -> str | None:
    """The advice about an error in the middle of a line, where the indentation is not the cause."""
    line, column = file.position(at)
    before = file.line(line)[: column - 1]
    needed, advice = INSIDE_LINE.get(part, ("", None))
    return advice if before.strip() and needed in before else None
