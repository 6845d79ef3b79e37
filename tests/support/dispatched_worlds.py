"""Worlds of a dispatcher: what is seen of the same messages, handlers and events, started or processed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from messages import message_of
from streamroute.compiler.resolve.call_signature import HandlerCall, handler_call
from streamroute.compiler.runtime.route_handler import route_handler
from streamroute.core.dispatch.routes import wrapped_handler
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.core.observer import ObserverSwitch, Result
from streamroute.core.recording.stream_recorder import StreamRecorder
from streamroute.core.router import HandlerFunc, RedisRouter
from streamroute.errors import LeaseLostError, Postpone, Reject, Retry
from streamroute.message import Message
from streamroute.ops.metrics.counters import Counters
from streamroute.pauses import Circuit, PauseGate, PauseView
from streamroute.values import DeadLetter, Outcome, RetryPolicy

ROUTES = ("a", "b", "c")
RAISED: Mapping[str, Callable[[], BaseException]] = {
    "raise": lambda: ValueError("no luck"),
    "retry": lambda: Retry(delay=3),
    "postpone": lambda: Postpone(4, "another one runs"),
    "reject": lambda: Reject("no"),
    "lost": lambda: LeaseLostError("another worker's"),
    "exit": lambda: SystemExit(1),
    "close": GeneratorExit,
    "stop": StopIteration,
    "cancelled": asyncio.CancelledError,
}
ACTIONS = ("return", "return", "change", "cancel itself", *RAISED)
KINDS = (
    *("payload", "container", "keyword", "instance", "prepared", "wrapped", "written", "awaitable"),
    "thread",
)
FILTERS = ("none", "even", "equal", "raises")


@dataclass(frozen=True)
class RoutePlan:
    """A route: how its handler is written and registered, its filter, and its types."""

    name: str
    kind: str
    filter: str
    types: Sequence[str] = ("t",)
    equal_to: int = 0


@dataclass(frozen=True)
class Step:
    """A message (``n`` is its payload's), and what each handler does: an action after ``waits`` waits."""

    n: int
    action: str
    waits: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    type: Any = "t"
    is_plain: bool = False


Event = str
"""Something that happens between two messages: the name of a method of ``World``."""

EVENTS = (
    *("parks", "runs", "watched", "counted", "registers", "other_container", "new_routes", "period"),
    "feed",
)


class World:
    """A dispatcher; ``way`` is the name of its method that handles a message."""

    def __init__(self, way: str, plans: Sequence[RoutePlan], *, is_recorded: bool) -> None:
        self.log: list[Any] = []
        self.counters = Counters({"s": ROUTES})
        self.switch = ObserverSwitch(self.counters.observe)
        self._counting = self.switch.target
        self.recorder = StreamRecorder() if is_recorded else None
        self.gate = PauseGate()
        self.gate.circuits = {"a": Circuit(1, 1.0, 1.0)}
        policy = RetryPolicy(max_attempts=2, delay=5, jitter=0)
        self.dispatcher = BotRedisDispatcher(observer=self.switch, recorder=self.recorder, retry=policy)
        self.dispatcher.use_gate(self.gate)
        self.router = RedisRouter()
        self.dispatcher.include_router(self.router)
        self.dispatcher.setup("container")
        self.handle = getattr(self.dispatcher, way)
        for plan in plans:
            self.register(plan)

    async def run(self, steps: Sequence[Step | Event]) -> list[Any]:
        """Run the steps one after the other; return all that is to be seen."""
        for step in steps:
            if isinstance(step, str):
                getattr(self, step)()
            else:
                await self._run_message(step)
        self.period()
        timings = {} if self.recorder is None else self.recorder.timings
        counted = {route: (one.handler.count, one.entry.count) for route, one in timings.items()}
        failures = None if self.recorder is None else self.recorder.failures
        tables = (self.counters.as_dict(), self.counters.feed, self.counters.events)
        return [*self.log, tables, counted, failures, list(self.gate.counted), list(self.gate.probes)]

    async def _run_message(self, step: Step) -> None:
        payload: dict[str, Any] = {"type": step.type, "n": step.n, "list": [step.n]}
        message = (
            payload if step.is_plain else message_of(payload, **{"stream": "s", "id": "5-0", **step.facts})
        )
        self._step = step
        task = asyncio.ensure_future(self._handle(message))
        await asyncio.wait([task])
        error = None if task.cancelled() else task.exception()
        end = (
            "cancelled"
            if task.cancelled()
            else (type(error), str(error), type(getattr(error, "__cause__", 0)))
        )
        self.log.append(("end", dict(message), end))
        if isinstance(message, Message):
            outcomes = message.delivery.outcomes
            seen = None if outcomes is None else [_comparable(outcome) for outcome in outcomes]
            self.log.append((message.delivery.running_route, seen))

    async def _handle(self, message: dict[str, Any]) -> None:
        rest = self.handle(message)
        if rest is not None:
            await rest

    # What happens between messages.

    def parks(self) -> None:
        self.gate.apply(PauseView(routes=frozenset({"a"})))

    def runs(self) -> None:
        self.gate.apply(PauseView())

    def watched(self) -> None:
        self.switch.target = self._note

    def counted(self) -> None:
        self.switch.target = self._counting

    def registers(self) -> None:
        self.register(RoutePlan("c", "payload", "even"))

    def other_container(self) -> None:
        self.dispatcher.setup("another container")

    def new_routes(self) -> None:
        self.counters.use_routes({"s": ("a", "b")})

    def feed(self) -> None:
        self.counters.begin_feed("s", "4-0")

    def period(self) -> None:
        if self.recorder is not None:
            self.recorder.end_period()

    def _note(self, payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        self.log.append(("observed", dict(payload), route, result))

    # The routes.

    def register(self, plan: RoutePlan) -> None:
        """Register a route."""
        for message_type in plan.types:
            self.router.message(message_type, self._filter(plan))(self._handler(plan))

    def _filter(self, plan: RoutePlan) -> Callable[[Any], bool] | None:
        if plan.filter == "none":
            return None

        def accepts(payload: Any) -> bool:
            self.log.append(("asked", plan.name, payload.get("n")))
            if plan.filter == "equal":
                return bool(payload["n"] == plan.equal_to)
            if plan.filter == "raises" and payload["n"] % 3 == 0:
                raise LookupError(plan.name)
            return bool(payload["n"] % 2 == 0)

        if plan.filter == "equal":
            vars(accepts)["equalities"] = ((("n",), plan.equal_to),)
        return accepts

    def _handler(self, plan: RoutePlan) -> HandlerFunc:
        name = plan.name

        async def act(payload: Any, container: Any = "none") -> Any:
            self._begin(name, payload, container)
            for _ in range(self._step.waits):
                await asyncio.sleep(0)
            return self._end(payload)

        async def of_payload(payload: Any) -> Any:
            return await act(payload)

        async def of_keyword(payload: Any, *, container: Any) -> Any:
            return await act(payload, container)

        async def of_container(payload: Any, container: Any) -> Any:
            return await act(payload, container)

        def awaitable(payload: Any, container: Any) -> Any:
            return act(payload, container)

        def in_thread(payload: Any) -> Any:
            self._begin(name, payload, "none")
            return None if self._step.action == "cancel itself" else self._end(payload)

        class Instance:
            async def __call__(self, payload: Any) -> Any:
                return await act(payload)

        written: dict[str, Any] = {"written": of_container, "awaitable": awaitable}
        functions = {
            "container": of_container,
            "keyword": of_keyword,
            "thread": in_thread,
            "instance": Instance(),
        }
        if plan.kind in written:
            function = written[plan.kind]
            vars(function)["route_key"] = name
            found: HandlerFunc = function
            return found
        call = handler_call(functions.get(plan.kind, of_payload), "shop.f", {})
        assert isinstance(call, HandlerCall)
        prepare = self._prepare if plan.kind == "prepared" else None
        handler: HandlerFunc = route_handler(
            call, name=name, timeout=60, retry=RetryPolicy(max_attempts=2, delay=7, jitter=0), prepare=prepare
        )
        return wrapped_handler(handler, self._skipping) if plan.kind == "wrapped" else handler

    def _prepare(self, payload: dict[str, Any]) -> dict[str, Any]:
        if payload["n"] == 1:
            raise Reject("invalid")
        if payload["n"] == 2:
            raise StopIteration
        return {"prepared": payload["n"], "list": payload["list"]}

    def _skipping(self, run: HandlerFunc) -> HandlerFunc:
        async def skipping(payload: dict[str, Any], container: Any) -> Any:
            if payload["n"] % 3 == 1:
                return Result.SKIPPED
            return await run(payload, container)

        return skipping

    def _begin(self, name: str, payload: Any, container: Any) -> None:
        running = payload.delivery.running_route if isinstance(payload, Message) else None
        self.log.append(("runs", name, repr(payload), container, running, type(payload)))

    def _end(self, payload: Any) -> Any:
        step = self._step
        self.log.append(("acts", step.action))
        if step.action == "cancel itself":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        elif step.action == "change":
            payload["list"].append("changed")
            payload["n"] = 1000
        elif step.action in RAISED:
            error = RAISED[step.action]()
            raise error
        return Result.SKIPPED if step.n == 4 else None


def _comparable(outcome: Outcome) -> Outcome:
    """Return an outcome without its traceback, in which the ways differ."""
    return replace(outcome, traceback="") if isinstance(outcome, DeadLetter) else outcome
