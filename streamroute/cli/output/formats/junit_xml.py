"""JUnit's XML, in the form that the xUnit plugin of Jenkins publishes as junit-10.xsd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from streamroute.cli.output.streams import REPLACEMENT, sanitize

_NO_CHARACTERS: Final = dict.fromkeys((0xFFFE, 0xFFFF), REPLACEMENT)
"""What XML 1.0 may not hold beside controls and halves of surrogate pairs."""
_QUOTES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\t": "&#9;", "\r": "&#13;"}
)


@dataclass(frozen=True, slots=True)
class Case:
    """One test case. ``problem`` is a line that says why it failed or was skipped, ``text`` all of it."""

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
        """How many cases ended so."""
        return sum(case.outcome == outcome for case in self.cases)


def junit_xml(suites: Sequence[Suite]) -> str:
    """The suites as one XML document."""
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
    """What XML 1.0 may hold and a log may show: lines without control characters, and no command to a CI."""
    return sanitize(text).translate(_NO_CHARACTERS)


def _quote(text: str) -> str:
    return _legal(text).translate(_QUOTES)


def escape(text: str) -> str:
    """The text as an element may hold it."""
    return _legal(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
