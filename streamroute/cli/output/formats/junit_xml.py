"""JUnit XML, following junit-10.xsd of Jenkins' xUnit plugin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from streamroute.cli.output.streams import REPLACEMENT, sanitize

_NO_CHARACTERS: Final = dict.fromkeys((0xFFFE, 0xFFFF), REPLACEMENT)
"""Characters not allowed in XML 1.0, besides controls and halves of surrogate pairs."""
_QUOTES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\t": "&#9;", "\r": "&#13;"}
)


@dataclass(frozen=True, slots=True)
class Case:
    """A test case. ``problem`` is one line why it failed or was skipped, ``text`` the full explanation."""

    name: str
    classname: str
    outcome: Literal["passed", "failure", "error", "skipped"] = "passed"
    problem: str = ""
    kind: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """A named group of cases."""

    name: str
    cases: Sequence[Case]

    def count(self, outcome: str) -> int:
        """Return how many cases have this outcome."""
        return sum(case.outcome == outcome for case in self.cases)


def junit_xml(suites: Sequence[Suite]) -> str:
    """Render suites as one XML document."""
    body = "".join(map(_suite, suites))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{body}</testsuites>\n'


def _suite(suite: Suite) -> str:
    counts = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    numbers = {"tests": str(len(suite.cases))}
    numbers |= {name: str(suite.count(outcome)) for name, outcome in counts.items()}
    cases = "".join(map(_case, suite.cases))
    return f"  <testsuite{_attributes(name=suite.name, **numbers)}>\n{cases}  </testsuite>\n"


def _case(case: Case) -> str:
    attributes = _attributes(name=case.name, classname=case.classname)
    if case.outcome == "passed":
        inner = f"<system-out>{escape(case.text)}</system-out>" if case.text else ""
    else:
        about = _attributes(message=case.problem, type=case.kind)
        inner = f"<{case.outcome}{about}>{escape(case.text)}</{case.outcome}>"
    return f"    <testcase{attributes}>{inner}</testcase>\n"


def _attributes(**values: str) -> str:
    return "".join(f' {name}="{_quote(value)}"' for name, value in values.items())


def _legal(text: str) -> str:
    """Remove characters that XML 1.0 forbids, control characters, and commands to a CI."""
    return sanitize(text).translate(_NO_CHARACTERS)


def _quote(text: str) -> str:
    return _legal(text).translate(_QUOTES)


def escape(text: str) -> str:
    """Escape a text as the content of an element."""
    return _legal(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
