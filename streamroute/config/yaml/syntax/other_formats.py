"""Recognize the format of a file that is not YAML, or whose YAML is not a mapping."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from streamroute.config.findings.finding import Finding
from streamroute.config.findings.text_file import TextFile


class _Format(NamedTuple):
    """A format and the regular expression ``line`` that identifies it.

    ``where`` names the lines that must match: ``any`` one, the ``first``, or ``all``.
    """

    name: str
    line: str
    where: str = "any"
    advice: str = "write it as YAML, and start it with: version: 1"


_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_MAX_LINES: Final = 60  # lines: enough to recognize another format
_COMMENT: Final = ("#", ";", "//")
_MARKER: Final = re.compile(r"(?:<{7}|>{7}|={7}|\|{7})(?: .*)?", re.ASCII)
_SIDE: Final = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)
_WHOLE_EVENT: Final = r"\{.*\}"

_ROOT_KEY: Final = (
    r"[\"']?(version|redis|container|include|defaults|streams|messages|routes|tests)[\"']? *:( |$)"
)

_FORMATS: Final = (
    _Format("HTML", r"(?i)<(!doctype html|html)\b.*", "first"),
    _Format("XML", r"<[?!\w].*", "first"),
    _Format("a patch", r"\+\+\+ \S.*|@@ -\d.*@@.*", "any", "apply it, and check the file that it changes"),
    _Format("Markdown", r"```.*", "first", "remove the lines with ```"),
    _Format(
        "JSON lines", _WHOLE_EVENT, "all", "to write events to a stream: streamroute publish STREAM FILE"
    ),
    _Format("Python", r"(import|from) [\w.]+( import .*)?|(async )?def \w+\(.*|class \w+.*:|@\w+.*"),
    _Format("JavaScript", r"(module\.exports|export default|const \w+ =|let \w+ =|var \w+ =).*"),
    _Format("a .env file", r"(export )?[A-Z][A-Z0-9_]*=.*", "all"),
    _Format("HCL", r"\w+( \"[^\"]*\")* \{"),
    _Format("TOML", r"\[\[[\w.\"-]+\]\]|[\w.-]+ *= *(\"[^\"]*\"|\d+|true|false|\[.*)( *#.*)?"),
    _Format("INI", r"\[[\w. -]+\]", "first"),
    _Format("a properties file", r"[\w.-]+ *=.*", "all"),
)


def find_other_format(file: TextFile) -> Finding | None:
    """Return a finding if the file has conflict markers of a merge or is of another format, else None."""
    lines = _LINE_END.split(file.text[:100_000])
    if _SIDE.search(file.text):
        number = next((n for n, line in enumerate(lines, 1) if _MARKER.fullmatch(line)), 0)
        if number:
            advice = "keep one side and delete the lines <<<<<<<, ======= and >>>>>>>"
            return _at_line(file, number, "SR029", "unresolved merge conflict", advice)
    stripped_lines = {n: line.strip() for n, line in enumerate(lines[:_MAX_LINES], 1)}
    stripped_lines = {n: line for n, line in stripped_lines.items() if line and not line.startswith(_COMMENT)}
    is_ours = any(re.match(_ROOT_KEY, line) for line in lines)
    for form in _FORMATS:
        if is_ours and form.where == "any":
            continue  # a string in a configuration may be in any format
        signs = [n for n, line in stripped_lines.items() if re.fullmatch(form.line, line)]
        if signs and _is_enough(form, signs, list(stripped_lines)):
            return _at_line(file, signs[0], "SR028", f"the file is {form.name}, not YAML", form.advice)
    return None


def _is_enough(form: _Format, signs: list[int], stripped_lines: list[int]) -> bool:
    if form.where == "all":
        return signs == stripped_lines and (form.line != _WHOLE_EVENT or len(stripped_lines) > 1)
    return form.where == "any" or signs[0] == stripped_lines[0]


def _at_line(file: TextFile, number: int, code: str, message: str, advice: str) -> Finding:
    start = file.start_of_line(number)
    return file.finding(code, message, file.between(start, start + len(file.line(number))), help=advice)
