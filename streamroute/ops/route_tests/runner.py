"""Run route tests: compare what the routes do with messages to what the tests expect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamroute.compiler.dry_run import Decision, Verdict, decide
from streamroute.compiler.rules.former_names import current_name_of
from streamroute.config.document import RouteConfig
from streamroute.config.route_tests import EntryReference, RouteTest
from streamroute.errors import DecodeError, EncodeError, StreamrouteError
from streamroute.ops.route_tests.delivery import delivered
from streamroute.ops.route_tests.diff import differing
from streamroute.text.suggestions import suggestion_hint

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled

ReadEntry = Callable[[EntryReference], Awaitable[Mapping[str, Any]]]


class MessageError(StreamrouteError):
    """Raised if the message of a test is not available; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How one route, or the message as a whole (None), differs from what a test expects, and why.

    ``reasons`` are lines: the operands that decided, or the differences between values.
    """

    route: RouteConfig | None
    message: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one test.

    ``unavailable`` is why its message is not available, ``invalid`` why it is dead-lettered as a whole; both
    may be empty.
    """

    test: RouteTest
    decisions: Sequence[Decision] = ()
    differences: Sequence[Difference] = ()
    unavailable: str = ""
    invalid: str = ""

    @property
    def passed(self) -> bool:
        """Whether the routes did what the test expects."""
        return not self.differences and not self.unavailable

    @property
    def routes(self) -> list[str]:
        """The routes that run for the message."""
        return [decision.route.name for decision in self.decisions if decision.runs]

    @property
    def shadow(self) -> list[str]:
        """The shadows that match the message."""
        return [decision.route.name for decision in self.decisions if decision.shadows]

    @property
    def dead_letter(self) -> list[str]:
        """The routes that fail before their handler."""
        return [decision.route.name for decision in self.decisions if decision.fails]


async def run_tests(compiled: Compiled, tests: Iterable[RouteTest], read_entry: ReadEntry) -> list[Outcome]:
    """Run tests in order; skip those whose message could not be read from its file.

    ``read_entry`` returns the message of an entry, and raises MessageError if there is none.
    """
    return [await _outcome(compiled, test, read_entry) for test in tests if test.message is not None]


async def _outcome(compiled: Compiled, test: RouteTest, read_entry: ReadEntry) -> Outcome:
    try:
        stream, message = await _message(compiled, test, read_entry)
    except MessageError as error:
        return Outcome(test, unavailable=str(error))
    except DecodeError as error:
        return Outcome(test, (), _message_differences(test, str(error)), invalid=str(error))
    decisions = decide([route.config for route in compiled.routes], message, stream)
    message_difference = [
        Difference(None, "the message was expected to be dead-lettered as a whole, but is not")
    ]
    return Outcome(
        test, decisions, (message_difference if test.invalid else []) + compare(test, message, decisions)
    )


async def _message(
    compiled: Compiled, test: RouteTest, read_entry: ReadEntry
) -> tuple[str | None, Mapping[str, Any]]:
    """Return stream and payload; raise MessageError, or DecodeError if the message reaches no route."""
    if isinstance(test.message, EntryReference):
        return test.message.stream, await read_entry(test.message)
    if test.message is None:
        raise MessageError("the test has no message")
    try:
        return test.stream, delivered(compiled, test.message, test.stream)
    except EncodeError as error:
        raise MessageError(f"the message cannot be an entry of its stream: {error}") from error


def _message_differences(test: RouteTest, invalid: str) -> list[Difference]:
    if test.invalid:
        return []
    return [
        Difference(None, "the message was not expected to be dead-lettered as a whole, but is", (invalid,))
    ]


def compare(test: RouteTest, message: Mapping[str, Any], decisions: Sequence[Decision]) -> list[Difference]:
    """Return the differences between decisions and a test's expectations, in the order of the routes.

    Unknown route names are ignored here: they are findings of the test file.
    """
    expected = _expected(test.routes, decisions), _expected(test.dead_letter, decisions)
    shadows = None if test.shadow is None else _expected(test.shadow, decisions)
    differences = [
        _difference(*expected, message, decision)
        or _shadow_difference(shadows, message, decision)
        or _transformed(test, decision)
        for decision in decisions
    ]
    return [difference for difference in differences if difference is not None]


def _transformed(test: RouteTest, decision: Decision) -> Difference | None:
    """Return the difference between the handler's payload and the expected one, if any."""
    name = decision.route.name
    if name not in test.transform or not decision.runs:
        return None
    lines = tuple(differing(test.transform[name], decision.handler_payload))
    return (
        Difference(decision.route, f"the handler of {name} receives a different payload", lines)
        if lines
        else None
    )


def _expected(names: Iterable[str], decisions: Iterable[Decision]) -> set[str]:
    """Return the expected routes by current name: a former or misspelt name is a separate finding."""
    routes = {decision.route.name: decision.route for decision in decisions}
    return {name if name in routes else current_name_of(name, routes.values()) or name for name in names}


def _difference(
    routes: set[str], dead_letter: set[str], message: Mapping[str, Any], decision: Decision
) -> Difference | None:
    name = decision.route.name
    reasons = _reasons(decision, message)
    result = decision.phrase if decision.route.enabled else "is disabled"
    if name in routes and not decision.runs:
        return Difference(decision.route, f"{name} was expected to match, but {result}", reasons)
    if name in dead_letter and not decision.fails:
        return Difference(decision.route, f"{name} was expected to fail, but {result}", reasons)
    if decision.runs and name not in routes:
        return Difference(decision.route, f"{name} was not expected to match, but does", reasons)
    if decision.fails and name not in dead_letter:
        return Difference(decision.route, f"{name} was not expected to fail, but {result}", reasons)
    return None


def _shadow_difference(
    shadows: set[str] | None, message: Mapping[str, Any], decision: Decision
) -> Difference | None:
    """Compare the shadows that match to those expected; None expects nothing of shadows."""
    name = decision.route.name
    if shadows is None or (name in shadows) is decision.shadows:
        return None
    if not decision.route.shadow:
        return Difference(decision.route, f"{name} was expected to be a shadow, but is not")
    if name in shadows:
        text = f"the shadow {name} was expected to match, but {decision.phrase}"
    else:
        text = f"the shadow {name} was not expected to match, but does"
    return Difference(decision.route, text, _reasons(decision, message))


def _reasons(decision: Decision, message: Mapping[str, Any]) -> tuple[str, ...]:
    if decision.verdict is Verdict.OTHER_STREAM:
        return (f"it consumes {', '.join(decision.route.streams)}",)
    if decision.verdict is Verdict.OTHER_TYPE:
        name = str(message.get("type"))
        hint = suggestion_hint(name, decision.route.types)
        return (f'it accepts {", ".join(decision.route.types)}; the type of the message is "{name}"{hint}',)
    if decision.side is not None and decision.verdict is not Verdict.NOT_MATCHED:
        return (decision.side.reason,)
    if decision.transform_error:
        return (decision.transform_error,)
    if decision.filter is None:
        return (f"it has no filter: it matches every {message.get('type')}",)
    return tuple(reason.text for reason in decision.reasons)
