"""A third-party scheduler's retry is recognised by its proof; any other payload is an ordinary message."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from consuming import GROUP, Handling, dispatcher_of, eventually, failing, failing_first, message
from streamroute import RedisRouter
from streamroute.core.dispatch.retry_envelope import KEY, RetryEnvelope
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.core.observer import Result
from streamroute.errors import Postpone
from streamroute.message import Message
from streamroute.values import DeadLetter, DedupeLock, Failure, RetryLater

SECRET = b"known to the workers"


class Scheduler:
    """Records the scheduled payloads."""

    def __init__(self) -> None:
        self.payloads: list[dict[str, Any]] = []

    async def schedule_retry(self, stream_name: str, payload: dict[str, Any], delay: int = 60) -> None:
        self.payloads.append(payload)


class Settling(Scheduler):
    settles = True


class Keeper:
    """A coordinator or scheduler that stores secrets."""

    def __init__(self) -> None:
        self.secrets: dict[str, bytes] = {}
        self.requests: list[tuple[str, bool]] = []

    async def retry_secret(self, stream: str, *, make: bool) -> bytes | None:
        self.requests.append((stream, make))
        if make:
            self.secrets.setdefault(stream, SECRET)
        return self.secrets.get(stream)


def marked(secret: bytes = SECRET, stream: str = "bot_events", **facts: Any) -> dict[str, Any]:
    """Return a payload as a scheduler returns it."""
    facts = {"id": "1-0", "group": GROUP, "routes": frozenset(["consuming.again"]), "attempt": 2, **facts}
    payload = {"type": "booked"}
    return {**payload, KEY: RetryEnvelope(**facts).signed(payload, stream, secret)}


V1 = {"v": 1, "id": "1-0", "group": GROUP, "routes": ["consuming.again"], "attempt": 2}
FORGED = [
    pytest.param("text", id="text"),
    pytest.param("[" * 100_000, id="deep"),
    pytest.param(7, id="number"),
    pytest.param(None, id="null"),
    pytest.param({}, id="empty"),
    pytest.param(V1, id="of-an-earlier-release"),
    pytest.param({**V1, "group": "nobody's"}, id="of-an-earlier-release-for-a-group-that-is-none"),
    pytest.param({**V1, "v": 2, "proof": ""}, id="without-a-proof"),
    pytest.param({**V1, "v": 2, "proof": "0" * 64}, id="with-a-wrong-proof"),
    pytest.param({**V1, "v": 2, "proof": "0" * 64, "group": "nobody's"}, id="for-a-group-that-is-none"),
    pytest.param(
        {**V1, "v": 2, "proof": "0" * 64, "routes": [f"r{n}" for n in range(1000)]}, id="thousand-routes"
    ),
    pytest.param(marked(b"another secret of 16")[KEY], id="proven-with-another-secret"),
    pytest.param(marked(stream="orders")[KEY], id="proven-for-another-stream"),
    pytest.param(marked(group="nobody's", secret=b"another secret of 16")[KEY], id="foreign-group"),
]


@pytest.mark.parametrize("envelope", FORGED)
@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("scheduled", [False, True])
async def test_a_key_without_proof_is_a_field_like_any_other(
    envelope: Any, plain: bool, scheduled: bool
) -> None:
    reported: list[tuple[str | None, Result]] = []
    handler, other = Handling("again"), Handling("other")
    dispatcher = dispatcher_of(
        handler,
        other,
        retry_secret=SECRET,
        retry_scheduler=Scheduler() if scheduled else None,
        group_name=GROUP,
        observer=lambda _payload, route, result: reported.append((route, result)),
    )
    payload = {"type": "booked", "n": 1, KEY: envelope}
    got = message(payload, id="9-0")
    await dispatcher.process_message(dict(payload) if plain else got)
    assert handler.seen == other.seen == [payload]
    assert [result for _, result in reported] == [Result.SUCCEEDED] * 2
    if not plain:
        assert (handler.seen[0].id, handler.seen[0].attempt, handler.seen[0].routes) == ("9-0", 1, None)
        assert got.delivery.outcomes == []


async def test_a_proven_marker_is_not_believed_in_another_payload() -> None:
    scheduler, again, good = Scheduler(), Handling("again", failing_first()), Handling("good")
    dispatcher = dispatcher_of(again, good, retry_scheduler=scheduler)
    await dispatcher.process_message(message())
    [payload] = scheduler.payloads
    await dispatcher.process_message(message({**payload, "amount": 7}, id="9-0"))
    assert [seen.get("amount") for seen in good.seen] == [None, 7]
    assert (again.seen[1].id, again.seen[1].attempt) == ("9-0", 1)


@pytest.mark.parametrize("scheduled", [True, False])
async def test_an_unproven_retry_is_logged_if_retries_are_expected(
    scheduled: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A scheduler that changes the payload would otherwise be hard to find."""
    scheduler = Scheduler() if scheduled else None
    dispatcher = dispatcher_of(Handling("again"), retry_scheduler=scheduler, retry_secret=SECRET)
    await dispatcher.process_message(message({**marked(), "retried_at": 7}))
    await dispatcher.process_message(message({"type": "booked", KEY: 7}))
    output = [line for line in caplog.messages if "says that it is a retry and does not prove it" in line]
    assert len(output) == scheduled


async def test_a_proven_marker_that_is_replayed_runs_the_same_route_of_the_same_message_again() -> None:
    scheduler, again, good = Scheduler(), Handling("again", failing_first()), Handling("good")
    dispatcher = dispatcher_of(again, good, retry_scheduler=scheduler)
    await dispatcher.process_message(message())
    for entry_id in ("8-0", "9-0"):
        await dispatcher.process_message(message(scheduler.payloads[0], id=entry_id))
    assert (len(again.seen), len(good.seen)) == (3, 1)
    assert again.seen[1] == again.seen[2] == {"type": "booked"}


async def test_workers_that_are_given_the_same_secret_know_each_others_retries() -> None:
    scheduler, again, good = Scheduler(), Handling("again", failing()), Handling("good")
    secret = "the same for all workers"
    await dispatcher_of(again, good, retry_scheduler=scheduler, retry_secret=secret).process_message(
        message()
    )
    another = dispatcher_of(again, good, retry_scheduler=scheduler, retry_secret=secret.encode())
    await another.process_message(message(scheduler.payloads[0]))
    assert (len(again.seen), len(good.seen)) == (2, 1)
    assert json.loads(scheduler.payloads[1][KEY])["attempt"] == 3


@pytest.mark.parametrize("secret", ["", "too short", b"fifteen bytes.."])
def test_a_secret_that_can_be_guessed_is_refused(secret: str | bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes or more") as caught:
        BotRedisDispatcher(retry_secret=secret)
    assert not secret or str(secret) not in str(caught.value)


async def test_the_storage_keeps_the_secret_and_only_who_schedules_has_one_made() -> None:
    keeper, scheduler, again = Keeper(), Scheduler(), Handling("again", failing())
    served = dispatcher_of(again)
    await served.process_message(message(marked(), coordinator=keeper))
    assert (keeper.requests, keeper.secrets) == ([], {}), "nothing is asked for a marker of one's own group"
    await served.process_message(message(marked(group="others"), coordinator=keeper))
    assert (keeper.requests, keeper.secrets) == ([("bot_events", False)], {})
    await dispatcher_of(again, retry_scheduler=scheduler).process_message(message(coordinator=keeper))
    assert keeper.requests[-1] == ("bot_events", True)
    seen = len(again.seen)
    await served.process_message(message(scheduler.payloads[0], group="others", coordinator=keeper))
    assert len(again.seen) == seen, "what is proven lets the groups pass that have no scheduler"


async def test_a_scheduler_may_keep_the_secret_where_the_storage_does_not() -> None:
    class Both(Scheduler, Keeper):
        def __init__(self) -> None:
            Scheduler.__init__(self)
            Keeper.__init__(self)

    scheduler, again, good = Both(), Handling("again", failing()), Handling("good")
    dispatcher = dispatcher_of(again, good, retry_scheduler=scheduler)
    await dispatcher.process_message({"type": "booked"}, "orders")
    await dispatcher.process_message(scheduler.payloads[0], "orders")
    assert (len(again.seen), len(good.seen)) == (2, 1)
    assert set(scheduler.requests) == {("orders", True)}


@pytest.mark.parametrize("settles", [True, False])
async def test_with_settlement_retries_the_key_is_a_plain_field(settles: bool) -> None:
    scheduler = Settling() if settles else Scheduler()
    again = Handling("again")
    dispatcher = dispatcher_of(again, retry_scheduler=scheduler, retry_secret=SECRET)
    await dispatcher.process_message(message(marked(), id="9-0"))
    [seen] = again.seen
    assert (seen.id, KEY in seen) == (("9-0", True) if settles else ("1-0", False))


async def test_an_external_retry_shares_the_state_of_its_entry() -> None:
    """Dedupe, lease and dead letter belong to the pending entry, not to the one that failed first."""
    got: list[Message] = []

    async def again(payload: Any, container: Any) -> None:
        got.append(payload)

    vars(again)["route_key"] = "consuming.again"
    entry = message(
        marked(stream="orders"),
        id="9-0",
        stream="orders",
        deliveries=4,
        attempt=7,
        fields={b"data": b"x"},
        history=[Failure("consuming.again", 1, "no luck", "", 1.0)],
        entry_id="9-7",
        unknown_since=123,
        coordinator=object(),
    )
    await dispatcher_of(again, retry_scheduler=Scheduler(), retry_secret=SECRET).process_message(entry)
    [seen] = got
    assert (seen.id, seen.attempt, seen.routes) == ("1-0", 2, frozenset(["consuming.again"]))
    assert (seen.stream, seen.group, seen.deliveries) == ("orders", GROUP, 4)
    assert (seen.fields, list(seen.history)) == ({b"data": b"x"}, list(entry.history))
    assert seen.delivery is entry.delivery
    assert (seen.accepted, seen) == (True, {"type": "booked"})


async def test_the_locks_of_an_entry_stay_with_an_external_retry() -> None:
    got: list[Message] = []

    async def again(payload: Any, container: Any) -> None:
        got.append(payload)

    vars(again)["route_key"] = "consuming.again"
    entry = message(marked())
    entry.delivery.dedupe_locks = locks = {"k": DedupeLock(["k"], 1.0)}
    await dispatcher_of(again, retry_scheduler=Scheduler(), retry_secret=SECRET).process_message(entry)
    assert got[0].delivery.dedupe_locks is locks is entry.delivery.dedupe_locks


async def test_an_external_retry_turned_native_follows_the_native_state() -> None:
    """It was postponed: its raw fields still hold its original marker."""
    handler = Handling("later", failing(Postpone(delay=3)))
    routes = frozenset(["consuming.later"])
    dispatcher = dispatcher_of(handler, retry_scheduler=Scheduler(), retry_secret=SECRET)
    facts: dict[str, Any] = {"pending_key": "bot_events:retry", "entry_id": "9-9", "accepted": True}
    entry = message(marked(routes=frozenset(["consuming.gone"])), routes=routes, attempt=5, **facts)
    await dispatcher.process_message(entry)
    [seen] = handler.seen
    assert (seen, seen.attempt, seen.routes, seen.id) == ({"type": "booked"}, 5, routes, "1-0")
    assert [type(outcome) for outcome in entry.delivery.outcomes or []] == [RetryLater]


@pytest.mark.parametrize(("proven", "accepted"), [(True, False), (False, True), (True, True), (False, False)])
async def test_a_filter_is_not_evaluated_again_for_an_accepted_message(proven: bool, accepted: bool) -> None:
    """Neither for a scheduler's retry, nor for a built-in retry with an unproven key."""
    handler = Handling("again")
    dispatcher = dispatcher_of(retry_scheduler=Scheduler(), retry_secret=SECRET)
    dispatcher.on_message("booked", lambda _payload: False)(handler)
    payload = marked() if proven else marked(b"another secret of 16")
    routes = frozenset(["consuming.again"])
    await dispatcher.process_message(message(payload, accepted=accepted, attempt=5, id="9-0", routes=routes))
    assert len(handler.seen) == (proven or accepted)
    for seen in handler.seen:
        assert (seen.id, seen.attempt) == (("1-0", 2) if proven else ("9-0", 5))
        assert seen.routes == routes


async def test_routes_that_are_gone_are_one_dead_letter_without_a_routes_name() -> None:
    reported: list[tuple[str | None, Result]] = []
    routes = frozenset(f"gone-{n}" for n in range(300))
    dispatcher = dispatcher_of(
        Handling("again"),
        retry_scheduler=Scheduler(),
        retry_secret=SECRET,
        observer=lambda _payload, route, result: reported.append((route, result)),
    )
    entry = message(marked(routes=routes))
    await dispatcher.process_message(entry)
    [letter] = entry.delivery.outcomes or []
    assert isinstance(letter, DeadLetter)
    assert (letter.route, reported) == (None, [(None, Result.DEAD)])
    assert "'gone-0', 'gone-1', 'gone-10', 'gone-100', 'gone-101' and 295 more" in letter.reason


async def test_a_retry_of_a_removed_and_an_existing_route_runs_the_latter() -> None:
    again = Handling("again")
    dispatcher = dispatcher_of(again, retry_scheduler=Scheduler(), retry_secret=SECRET)
    entry = message(marked(routes=frozenset(["consuming.again", "gone"])))
    await dispatcher.process_message(entry)
    [letter] = entry.delivery.outcomes or []
    assert isinstance(letter, DeadLetter)
    assert (len(again.seen), letter.route, letter.reason) == (
        1,
        None,
        "the route 'gone' is no longer configured",
    )


async def test_a_router_of_ones_own_needs_to_know_nothing_of_it() -> None:
    router, seen = RedisRouter(), []

    @router.message("booked")
    async def again(payload: dict[str, Any], container: Any) -> None:
        seen.append(payload)
        if len(seen) == 1:
            raise RuntimeError("no luck yet")

    scheduler = Scheduler()
    dispatcher = BotRedisDispatcher(scheduler)
    dispatcher.include_router(router)
    dispatcher.setup({})
    await dispatcher.process_message({"type": "booked"})
    task = asyncio.create_task(dispatcher.process_message(scheduler.payloads[0]))
    await eventually(task.done)
    assert seen == [{"type": "booked"}] * 2
