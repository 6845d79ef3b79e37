"""Rules: the kinds of findings. A code is never reused for another rule."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

from streamroute.config.findings.finding import Severity

_PAGES: Final = Path(__file__).parent / "pages"


class Stage(Enum):
    """The stage of a check that reports a rule."""

    FILE = "file"
    """Reading the files: text, YAML, includes."""
    SCHEMA = "schema"
    """Validating keys and values against the schema, and the schemas of messages."""
    ROUTES = "routes"
    """The declarations of routes and streams."""
    EXPRESSIONS = "expressions"
    """The JMESPath expressions."""
    HANDLERS = "handlers"
    """The handlers of routes, and their signatures."""
    ENVIRONMENT = "environment"
    """Environment variables, and the Redis server with its keys."""
    CONFIGURATION = "configuration"
    """Relations between parts of the configuration; skipped if an error may hide some of them."""
    ROUTE_TESTS = "route tests"
    """The tests of routes, before they run."""
    RELOAD = "reload"
    """Replacing the configuration of a running service."""
    COMMENTS = "comments"
    """The comments that suppress findings."""


class Rule(NamedTuple):
    """A rule: its code, readable name, default severity, and one-sentence summary.

    ``page`` explains it in Markdown, with a wrong and a right example. ``runs``: the configuration can be
    built despite this error. ``compares``: it compares several configurations. ``is_unverified``: it reports
    what a check without imports could not verify. ``is_unusable_file``: the file has no mapping to read.
    """

    code: str
    name: str
    severity: Severity
    stage: Stage
    summary: str
    page: str
    runs: bool = False
    compares: bool = False
    is_unverified: bool = False
    is_unusable_file: bool = False

    @property
    def can_be_ignored(self) -> bool:
        """Whether a comment may suppress the rule: not if the configuration cannot be built."""
        return self.stage is not Stage.COMMENTS and (self.severity is not Severity.ERROR or self.runs)


class RuleTable(Mapping[str, Rule]):
    """Rules by code, in the order of the codes; each is loaded on first access."""

    def __init__(self, codes: Callable[[], Collection[str]], load: Callable[[str], Rule]) -> None:
        self._list = codes
        self._load = load
        self._loaded: dict[str, Rule] = {}

    @cached_property
    def _codes(self) -> dict[str, None]:
        return dict.fromkeys(sorted(self._list()))

    def __getitem__(self, code: str) -> Rule:
        if code not in self._loaded:
            if code not in self._codes:
                raise KeyError(code)
            self._loaded[code] = self._load(code)
        return self._loaded[code]

    def __contains__(self, code: object) -> bool:
        return code in self._codes

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)

    def __len__(self) -> int:
        return len(self._codes)


def read_rule(code: str, text: str) -> Rule:
    """Read the rule that a page declares: lines of ``key: value`` between ``---``, then the page."""
    _, head, page = text.split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    severity, stage = Severity(fields["severity"]), Stage(fields["stage"])
    return Rule(
        code,
        fields["name"],
        severity,
        stage,
        fields["summary"],
        page.lstrip(),
        runs="runs" in fields,
        is_unverified="unverified" in fields,
        is_unusable_file="unusable" in fields,
    )


def _read_page(code: str) -> Rule:
    return read_rule(code, (_PAGES / f"{code}.md").read_text(encoding="utf-8"))


RULES: Final = RuleTable(lambda: [page.stem for page in _PAGES.glob("*.md")], _read_page)
"""The rules reported while reading files, schemas, expressions and handlers: one page declares each.

Rules with a check of their own are declared beside that check, in ``streamroute.compiler.rules``.
"""
