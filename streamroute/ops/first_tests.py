"""A first file of tests from real events: what the routes of today do with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamroute.compiler.branches import covered
from streamroute.compiler.compilation import Compiled
from streamroute.compiler.decisions import Decision, decide
from streamroute.config.document import Document
from streamroute.errors import DecodeError, EncodeError
from streamroute.ops.delivery import delivered
from streamroute.ops.feed import FeedError, read_event
from streamroute.ops.yaml_text import flow, scalar, yaml_lines

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_HEAD: Final = """\
# yaml-language-server: $schema=tests.schema.json
# What the routes do with these events today, for a person to read and to correct.
version: 1

tests:
"""


@dataclass(frozen=True, slots=True)
class Example:
    """An event that shows something which none before it has shown, and what the routes do with it."""

    message: Mapping[str, Any]
    routes: Sequence[str]
    dead_letter: Sequence[str]


def examples(compiled: Compiled, lines: Iterable[bytes], name: str) -> tuple[list[Example], int]:
    """The events worth a test, and how many there were.

    An event is worth one where its type goes to a set of routes, or an operand of a filter has a truth,
    that no event before it has shown. Raises FeedError for a line that is not an event.
    """
    routes = [route.config for route in compiled.routes]
    seen: set[object] = set()
    found: list[Example] = []
    count = 0
    for message in _events(compiled.document, lines, name):
        count += 1
        decisions = decide(routes, message)
        shown = set(_shown(message, decisions))
        if not shown <= seen:
            seen |= shown
            found.append(_example(message, decisions))
    return found, count


def _events(document: Document, lines: Iterable[bytes], name: str) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(lines, 1):
        text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        if not text.strip():
            continue
        try:
            yield delivered(document, read_event(text), None)
        except (FeedError, EncodeError, DecodeError) as error:
            raise FeedError(f"{name}:{number}: {error}") from error


def _shown(message: Mapping[str, Any], decisions: Sequence[Decision]) -> Iterator[object]:
    yield message["type"], tuple(decision.route.name for decision in decisions if decision.runs)
    for decision in decisions:
        name = decision.route.name
        if decision.fails:
            yield name, "fails"
        if decision.filter is not None:
            for branch, truths in covered(decision.filter).items():
                yield from ((name, branch, truth) for truth in truths)


def _example(message: Mapping[str, Any], decisions: Sequence[Decision]) -> Example:
    routes = [decision.route.name for decision in decisions if decision.runs]
    message = {"type": message["type"], **message}
    return Example(message, routes, [decision.route.name for decision in decisions if decision.fails])


def written(found: Iterable[Example]) -> str:
    """The examples as a file of tests."""
    names: dict[str, int] = {}
    return _HEAD + "\n".join(_test(example, _name(example, names)) for example in found)


def _name(example: Example, names: dict[str, int]) -> str:
    takes = ", ".join(example.routes) or "no route"
    name = f"{example.message['type']} goes to {takes}"[:180]
    names[name] = names.get(name, 0) + 1
    return name if names[name] == 1 else f"{name} ({names[name]})"


def _test(example: Example, name: str) -> str:
    lines = [f"  - name: {scalar(name)}", "    message:", *yaml_lines(example.message, 6)]
    lines.append(f"    routes: {flow(list(example.routes))}")
    if example.dead_letter:
        lines.append(f"    dead_letter: {flow(list(example.dead_letter))}")
    return "".join(f"{line}\n" for line in lines)
