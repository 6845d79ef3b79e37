"""The examples in a rule's page, extracted from its Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_FENCE: Final = re.compile(r"^```(\S+)(?: (\S+))?(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROOT: Final = "routes.yaml"
_FRAME: Final = "version: 1\nstreams: {bot_events: }\nroutes:\n"


@dataclass(frozen=True, slots=True)
class RuleExample:
    """The files of an example configuration, by name; empty if the page only describes the example."""

    files: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class RulePage:
    """A rule's page, in Markdown."""

    text: str

    @property
    def wrong(self) -> RuleExample:
        """A configuration for which the rule reports a finding."""
        return _example(self.text.partition("## Wrong\n")[2].partition("## Right\n")[0])

    @property
    def right(self) -> RuleExample:
        """The corrected configuration."""
        return _example(self.text.partition("## Right\n")[2])


def _example(text: str) -> RuleExample:
    """Read the fenced code blocks of a section; the info string is a language, a file name and an encoding.

    A block that is a list becomes the routes of a file with one stream.
    """
    files = {}
    for language, name, encoding, body in _FENCE.findall(text):
        if language != "text":
            whole = f"{_FRAME}{body}" if body.startswith("- ") else body
            files[name or _ROOT] = whole.encode(encoding or "utf-8")
    return RuleExample(files)
