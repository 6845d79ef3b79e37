"""Report text that libyaml, which implements YAML 1.1, reads differently than YAML 1.2.

A file whose meaning would silently differ is rejected: editors and other tools read YAML 1.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import yaml

from streamroute.config.findings.collector import Extent, FindingCollector
from streamroute.config.yaml.events import events, extent
from streamroute.text.lazy_pattern import lazy_pattern

RULE: Final = "SR031"

_LINE_ENDS: Final = "\x85\u2028\u2029"
_MARK: Final = "\ufeff"
_SUSPICIOUS: Final = lazy_pattern(rf"[{_LINE_ENDS}{_MARK}]|[\"'\]}}]#")

_LONE_TAGS: Final = ("! ", "!\n", "!\r", "!\t", "!,", "!]", "!}", "!<!>")
_GLUED: Final = ('"#', "'#", "]#", "}#")


def find_differences(collector: FindingCollector) -> None:
    """Report the differences that require a scan of the whole text; most texts skip it."""
    text = collector.file.text
    parts = ((*_LINE_ENDS, _MARK) if not text.isascii() else ()) + (_GLUED if "#" in text else ())
    if not any(part in text for part in parts):  # much faster than the pattern
        return
    quoted, ends = _quoted_and_ended(text)
    for match in _SUSPICIOUS.finditer(text):
        at = match.start()
        inside = any(start <= at < end for start, end in quoted)
        if len(match[0]) == 1 and (not inside or match[0] == "\x85"):
            _report_character(collector, at)
            return
        if at + 1 in ends and not inside:
            advice = "put a space before the #, or quote the whole value"
            collector.add(RULE, 'missing space before "#"', (at + 1, at + 2), advice)
            return


def _report_character(collector: FindingCollector, at: int) -> None:
    char = collector.file.text[at]
    if char == _MARK:
        message = "unexpected byte order mark (U+FEFF) inside the file"
        collector.add(RULE, message, (at, at + 1), "remove it")
        return
    message = f"U+{ord(char):04X} ends a line in YAML 1.1, but not in YAML 1.2"
    collector.add(RULE, message, (at, at + 1), f'write it as "\\u{ord(char):04x}" in double quotes')


def _quoted_and_ended(text: str) -> tuple[list[Extent], set[int]]:
    """Return the extents of quoted scalars, and the ends of quoted scalars, mappings and lists."""
    quoted: list[Extent] = []
    ends: set[int] = set()
    for event in _structure(text):
        where = extent(event)
        if isinstance(event, yaml.ScalarEvent):
            if event.style not in {"'", '"'}:
                continue
            start = text.index(str(event.style), where[0])  # after an anchor or a tag
            quoted.append((start + 1, where[1] - 1))
        ends.add(where[1])
    return quoted, ends


def _structure(text: str) -> Iterator[Any]:
    closing = (yaml.ScalarEvent, yaml.SequenceEndEvent, yaml.MappingEndEvent)
    return (event for event in events(text) if isinstance(event, closing))


def may_hold_lone_tag(text: str) -> bool:
    """Whether a text may contain a tag that is a lone exclamation mark."""
    return "!" in text and (text.endswith("!") or any(part in text for part in _LONE_TAGS))


def report_dropped_question_mark(collector: FindingCollector, where: Extent) -> None:
    """Report a key in a flow mapping that begins with a question mark, which libyaml drops."""
    start, end = where[0] - 1, where[1]
    text = collector.file.text[start:end]
    message = f'YAML 1.1 reads the "?" of {text} as an indicator and drops it from the key'
    collector.add(RULE, message, (start, end), f'quote it: "{text}"')


def report_dropped_exclamation_mark(collector: FindingCollector, where: Extent) -> None:
    """Report a value after a lone exclamation mark: a string in YAML 1.2, any type in YAML 1.1."""
    text = collector.file.text[where[0] : where[1]].split("\n")[0].rstrip()
    message = 'YAML reads "!" as a tag and drops it from the value'
    advice = f"quote it: '{text}'" if "'" not in text else "quote the whole value"
    collector.add(RULE, message, where, advice)
