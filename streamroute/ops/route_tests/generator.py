"""Generate a test file from real events, with the current decisions of the routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamroute.compiler.compiled import Compiled
from streamroute.compiler.dry_run import Decision, decide
from streamroute.config.document import RouteConfig
from streamroute.errors import DecodeError, EncodeError
from streamroute.expressions.explain.coverage_branches import covered
from streamroute.ops.publish.feed import FeedError, read_event
from streamroute.ops.route_tests.delivery import delivered
from streamroute.ops.route_tests.yaml_writer import flow, scalar, yaml_lines

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_HEAD: Final = """\
# yaml-language-server: $schema=tests.schema.json
# What the routes do with these events today, for a person to read and to correct.
version: 1

tests:
"""


@dataclass(frozen=True, slots=True)
class EventExample:
    """An event with a decision that no earlier event has, and what the routes do with it.

    ``dead_letter`` is True if the message is dead-lettered as a whole; ``transform`` holds the results of the
    transforms, by route; ``shadow`` are the shadows that match.
    """

    message: Mapping[str, Any]
    routes: Sequence[str] = ()
    dead_letter: Sequence[str] | bool = ()
    transform: Mapping[str, Any] = field(default_factory=dict)
    shadow: Sequence[str] = ()


def examples(compiled: Compiled, lines: Iterable[bytes], name: str) -> tuple[list[EventExample], int]:
    """Return the events worth a test, and the number of all events.

    An event is worth a test if its type goes to a set of routes, or an operand of a filter has a truth value,
    that no earlier event had. Raises FeedError for a line that is not an event.
    """
    routes = [route.config for route in compiled.routes]
    seen: set[object] = set()
    chosen: list[EventExample] = []
    count = 0
    for where, event in _events(lines, name):
        count += 1
        example, reached = _example(compiled, routes, event, where)
        if not reached <= seen:
            seen |= reached
            chosen.append(example)
    return chosen, count


def _events(lines: Iterable[bytes], name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(lines, 1):
        text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        if not text.strip():
            continue
        where = f"{name}:{number}"
        try:
            event = read_event(text)
        except FeedError as error:
            raise FeedError(f"{where}: {error}") from error
        if not isinstance(event.get("type"), str) or not event["type"]:
            raise FeedError(f'{where}: an event needs a "type", a string that is not empty')
        yield where, {"type": event["type"], **event}


def _example(
    compiled: Compiled, routes: Sequence[RouteConfig], event: Mapping[str, Any], where: str
) -> tuple[EventExample, set[object]]:
    """Return what the routes do with an event, and the coverage it adds."""
    try:
        message = delivered(compiled, event, None)
    except DecodeError:
        return EventExample(event, dead_letter=True), {(event["type"], "invalid")}
    except EncodeError as error:
        raise FeedError(f"{where}: {error}") from error
    decisions = decide(routes, message)
    runs = [decision for decision in decisions if decision.runs]
    example = EventExample(
        event,
        [decision.route.name for decision in runs],
        [decision.route.name for decision in decisions if decision.fails],
        {decision.route.name: decision.handler_payload for decision in runs if decision.route.transform},
        [decision.route.name for decision in decisions if decision.shadows],
    )
    return example, {(event["type"], tuple(example.routes)), *_filter_outcomes(decisions)}


def _filter_outcomes(decisions: Sequence[Decision]) -> Iterator[object]:
    for decision in decisions:
        name = decision.route.name
        if decision.fails:
            yield name, "fails"
        if decision.filter is not None:
            for branch, truths in covered(decision.filter).items():
                yield from ((name, branch, truth) for truth in truths)


def to_yaml(examples: Iterable[EventExample]) -> str:
    """Return the examples as the text of a test file."""
    names: dict[str, int] = {}
    return _HEAD + "\n".join(_test(example, _name(example, names)) for example in examples)


def _name(example: EventExample, names: dict[str, int]) -> str:
    result = f"goes to {', '.join(example.routes) or 'no route'}"
    if example.dead_letter is True:
        result = "is invalid"
    name = f"{example.message['type']} {result}"[:180]
    names[name] = names.get(name, 0) + 1
    return name if names[name] == 1 else f"{name} ({names[name]})"


def _test(example: EventExample, name: str) -> str:
    lines = [f"  - name: {scalar(name)}", "    message:", *yaml_lines(example.message, 6)]
    lines.append(f"    routes: {flow(list(example.routes))}")
    if example.transform:
        lines += ["    transform:", *yaml_lines(example.transform, 6)]
    if example.shadow:
        lines.append(f"    shadow: {flow(list(example.shadow))}")
    if example.dead_letter:
        lines.append(f"    dead_letter: {flow(example.dead_letter)}")
    return "".join(f"{line}\n" for line in lines)
