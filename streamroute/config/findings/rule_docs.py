"""The examples in a rule's page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_FENCE: Final = re.compile(r"^```(\S+)(?: (\S+))?(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROOT: Final = "routes.yaml"
_FRAME: Final = "version: 1\nstreams: {bot_events: }\nroutes:\n"


@dataclass(frozen=True, slots=True)
class RuleExample:
    """A configuration: its files by name. Empty where the page has only words for it."""

    files: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class RulePage:
    """The text of a page, in Markdown."""

    text: str

    @property
    def wrong(self) -> RuleExample:
        """A configuration in which the rule finds something."""
        return _example(self.text.partition("## Wrong\n")[2].partition("## Right\n")[0])

    @property
    def right(self) -> RuleExample:
        """The configuration as it should have been."""
        return _example(self.text.partition("## Right\n")[2])


def _example(text: str) -> RuleExample:
    """The fenced blocks of a part of a page: a language, a file's name, an encoding.

    A list is the routes of a file that has one stream.
    """
    files = {}
    for language, name, encoding, body in _FENCE.findall(text):
        if language != "text":
            whole = f"{_FRAME}{body}" if body.startswith("- ") else body
            files[name or _ROOT] = whole.encode(encoding or "utf-8")
    return RuleExample(files)
