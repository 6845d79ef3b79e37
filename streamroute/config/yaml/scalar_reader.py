"""Convert scalar events to values."""

from __future__ import annotations

from typing import Any, Final

import yaml

from streamroute.config.findings.collector import FindingCollector
from streamroute.config.findings.quoting import quote_yaml
from streamroute.config.yaml.events import extent
from streamroute.config.yaml.scalars import CORE, read_plain, read_tagged
from streamroute.config.yaml.versions import may_hold_lone_tag, report_dropped_exclamation_mark
from streamroute.text.lazy_pattern import lazy_pattern

QUOTE_IT: Final = "quote the whole expression, or write it as a block under >-"


_LONE_TAG: Final = lazy_pattern(r"(?:&\S+\s+)?!(?:<!>)?(?=[\s,\]}]|$)")


class ScalarReader:
    """Reads scalars; ``wants_expression`` is true for the values of keys such as ``filter``."""

    def __init__(self, collector: FindingCollector) -> None:
        self._collector = collector
        self._text = collector.file.text
        self._lone_tags = may_hold_lone_tag(self._text)

    def read(self, event: yaml.ScalarEvent, wants_expression: bool) -> Any:
        """Return the scalar's value; add a finding if it cannot be read."""
        if event.implicit[0]:
            return self._plain(event, wants_expression)
        if event.tag is not None:
            return self._tagged(event, event.tag, wants_expression)
        return event.value

    def _plain(self, event: yaml.ScalarEvent, wants_expression: bool) -> Any:
        if wants_expression and self._has_bang(event):
            # YAML reads `filter: ! vip` as `vip`: the message would go to the wrong route.
            self._misread("!", event)
            return None
        if self._lone_tags and _LONE_TAG.match(self._text, *extent(event)):
            if event.style in {"", None}:
                report_dropped_exclamation_mark(self._collector, extent(event))
            return event.value  # quoted and block scalars are strings anyway
        try:
            return read_plain(event.value)
        except ValueError:
            digits = len(event.value)
            self._collector.add("SR017", f"the number is too long: it has {digits} digits", extent(event))
            return event.value

    def _has_bang(self, event: yaml.ScalarEvent) -> bool:
        return self._text.startswith("!", extent(event)[0])

    def _tagged(self, event: yaml.ScalarEvent, tag: str, wants_expression: bool) -> Any:
        if tag == "!" and event.style in {"", None} and not wants_expression:
            if event.style in {"", None}:
                report_dropped_exclamation_mark(self._collector, extent(event))
            return event.value  # quoted and block scalars are strings anyway
        try:
            return read_tagged(tag, event.value)
        except ValueError:
            name = tag.removeprefix(CORE)
            self._collector.add("SR010", f'"{event.value}" does not match its tag !!{name}', extent(event))
        except KeyError:
            self.unknown_tag(event, tag, wants_expression)
            if wants_expression:
                return None
        return event.value

    def unknown_tag(self, event: Any, tag: str, wants_expression: bool) -> None:
        """Report a tag outside the core schema on a scalar, a mapping or a list."""
        start, end = extent(event)
        name = self._text[start:end].split()[0] if self._has_bang(event) else tag
        if wants_expression:
            self._misread(name, event)
            return
        advice = "a value that starts with ! must be quoted"
        if name.startswith("!!"):
            advice = "remove the tag; quote a value to make it a string"
        elif name.lower().startswith("!env"):
            advice = "remove the tag: ${NAME} is expanded without one, in redis and streams"
        elif name.lower() in {"!include", "!inc"}:
            advice = "write the file's name at the top level: include: [FILE]"
        self._collector.add("SR010", f'unknown tag "{name}"', (start, start + len(name)), advice)

    def _misread(self, name: str, event: yaml.Event) -> None:
        message = f'YAML reads "{name}" as a tag and drops it from the expression'
        start, end = extent(event)
        text = self._text[start:end].rstrip()
        fix = quote_yaml(text) if "\n" not in text else None
        self._collector.add("SR303", message, (start, end), QUOTE_IT, fix=fix)
