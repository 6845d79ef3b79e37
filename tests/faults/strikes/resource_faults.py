"""P10: connections, threads, memory, dead letters and log lines are bounded under any load."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from group_state import DEAD, read_letters
from ledger import now, read_orders, read_runs
from oracle import running_now
from producer import GROUP, KIND, STREAM
from scenarios import own_scenario
from waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scene import Scene
    from worker_process import Worker

_MAX_CONNECTIONS = 8
_MAX_THREADS = 5  # of a worker without plain functions: its own, and those that about/limits.md lists
_AT_ONCE = 300
_SHOUTS = 12
_LONG_TYPES = 200
_LONG = 1_000_000
_LETTER = 50_000  # bytes: an error, its reason, a traceback, and a history
_LOG = 500_000  # bytes
_MEMORY = 250_000_000  # bytes: a worker's own 45 MB, and the remains of a few texts of 10 MB
_EQUAL = 5_000
_FOR_ALL = 100.0  # seconds
_EQUAL_KIND = "order.refused"
_GRACE = 10.0  # seconds; nothing runs, so far less than the streams' own grace is needed
_OUTAGE = "failed; retrying"


@own_scenario("200 streams in one process", workers=0)
def many_streams(scene: Scene) -> None:
    """One of them is busy, the others have an occasional message."""
    names = _names(200)
    worker = _start(scene, _aside(names))
    most = 0
    scene.run_in()
    for round_ in range(3):
        wanted = _send_aside(scene, names, round_)

        def is_done(wanted: set[str] = wanted) -> bool:
            nonlocal most
            most = max(most, _connections(scene))
            return wanted <= {run.route for run in read_runs(scene.folder)}

        wait_for(is_done, "a message of each stream", scene.patience)
    _judge_resources(scene, worker, most)
    _judge_attempts(scene)
    scene.expect_no_log(_OUTAGE)


@own_scenario("300 handlers at once, which dedupe and forward", workers=0)
def many_handlers(scene: Scene) -> None:
    """However many commands they send, none is refused, and none costs an attempt."""
    forward = f"name: copy, type: {KIND}, handler: streamroute.handlers.forward, with: {{stream: archive}}"
    settings = {"concurrency": _AT_ONCE}
    worker = _start(scene, {"settings": settings, "deduped": True, "more_routes": [forward]})
    sent = {scene.producer.send(work=0.5, job=f"job {n}") for n in range(3 * _AT_ONCE)}
    most = at_once = 0

    def is_done() -> bool:
        nonlocal most, at_once
        runs = read_runs(scene.folder)
        most, at_once = max(most, _connections(scene)), max(at_once, len(running_now(runs)))
        return sent <= {run.id for run in runs if run.what == "done"}

    wait_for(is_done, "all messages to be done", scene.patience)
    scene.rest()
    if at_once < _AT_ONCE // 2:  # as far as was observed
        scene.problems.append(f"{at_once} handlers ran at once, and {_AT_ONCE} may")
    if (copies := scene.client.execute_command("XLEN", "archive")) != len(sent):
        scene.problems.append(f"{copies} copies were made of {len(sent)} messages")
    _judge_resources(scene, worker, most)
    _judge_attempts(scene)
    scene.expect_no_log(_OUTAGE)


@own_scenario("a thousand streams in one process", workers=0)
def thousand_streams(scene: Scene) -> None:
    """The worst recovery is the time from the start of the process until all groups exist."""
    names = _names(1_000)
    began = now()
    worker = _start(scene, _aside(names))
    wait_for(lambda: _has_groups(scene, names), "all groups", scene.patience)
    scene.recovered("the start of a thousand streams", now() - began, scene.patience)
    wanted = _send_aside(scene, names, 0)
    wait_for(
        lambda: wanted <= {run.route for run in read_runs(scene.folder)},
        "a message of each stream",
        scene.patience,
    )
    _judge_resources(scene, worker, _connections(scene))
    scene.expect_no_log(_OUTAGE)
    asked = now()
    worker.terminate()
    if code := worker.wait():
        scene.problems.append(f"a drained worker ended with {code}")
    scene.recovered("SIGTERM", now() - asked, _GRACE)


@own_scenario("texts of 10 MB", workers=0)
def long_texts(scene: Scene) -> None:
    """Exceptions of 10 MB, and types of 1 MB that no route lists."""
    shout = f"name: shout, stream: {STREAM}, type: {KIND}, filter: shouts, handler: bad_handlers.shout"
    worker = _start(scene, _aside(["aside"], more=[shout]))
    for _ in range(_SHOUTS):
        scene.producer.send(shouts=True, routes=["shout"], doomed=["shout"])
    for n in range(_LONG_TYPES):
        scene.client.execute_command("XADD", "aside", "*", "type", f"{n}{'y' * _LONG}", "data", "{}")
    scene.rest()
    wait_for(lambda: _is_read(scene, "aside"), "all types to be read", scene.patience)
    letters = read_letters(scene.client)
    sizes = [sum(map(len, letter.values())) for letter in letters]
    if len(letters) != _SHOUTS or max(sizes, default=0) > _LETTER:
        scene.problems.append(f"{len(letters)} letters have {max(sizes, default=0):,} bytes each")
    _judge_log(scene, worker)
    if (memory := worker.memory or 0) > _MEMORY:
        scene.problems.append(f"the worker has {memory:,} bytes in memory")


@own_scenario("thousands of equal failures", workers=0)
def equal_failures(scene: Scene) -> None:
    """One log line per second, with a count that omits none."""
    refuse = f"name: refuse, type: {_EQUAL_KIND}, handler: bad_handlers.refuse"
    worker = _start(scene, {"more_routes": [refuse]})
    began = now()
    scene.producer.send_many(_EQUAL, _EQUAL_KIND, "refuse")
    wait_for(lambda: scene.client.execute_command("XLEN", DEAD) == _EQUAL, "all letters", _FOR_ALL)
    scene.rest()
    scene.end()
    lines = [json.loads(line) for line in worker.log.splitlines()]
    said = [line for line in lines if line["message"].startswith("route refuse")]
    if len(said) > 2 * (now() - began):
        scene.problems.append(f"{len(said)} lines say what is equal")
    if (told := sum(line.get("repeated", 1) for line in said)) != _EQUAL:
        scene.problems.append(f"{told} failures are told of {_EQUAL}")
    _judge_log(scene, worker)


def _start(scene: Scene, routes: Mapping[str, Any]) -> Worker:
    """Start a worker with a direct connection: no network fault is needed here."""
    return scene.start_worker(routes=routes, FAULTS_URL=scene.server.url)


def _names(count: int) -> list[str]:
    return [f"aside-{n}" for n in range(count)]


def _aside(names: Sequence[str], more: Sequence[str] = ()) -> dict[str, Any]:
    """Return further streams beside the usual one, for ``routes_yaml``."""
    route = f"name: aside, stream: [{', '.join(names)}], type: order.aside, handler: bad_handlers.aside"
    return {"more_streams": names, "more_routes": [*more, route]}


def _send_aside(scene: Scene, names: Sequence[str], round_: int) -> set[str]:
    """Send a message to each stream; return the routes under which their effects are recorded."""
    pipeline = scene.client.pipeline(transaction=False)
    numbers = [round_ * len(names) + position for position in range(len(names))]
    for name, n in zip(names, numbers, strict=True):
        pipeline.execute_command("XADD", name, "*", "type", "order.aside", "data", json.dumps({"n": n}))
    pipeline.execute()
    return {f"aside {n}" for n in numbers}


def _has_groups(scene: Scene, names: Sequence[str]) -> bool:
    if scene.client.execute_command("EXISTS", *names) < len(names):
        return False
    pipeline = scene.client.pipeline(transaction=False)
    for name in names:
        pipeline.execute_command("XINFO", "GROUPS", name)
    return all(pipeline.execute())


def _is_read(scene: Scene, stream: str) -> bool:
    """Whether the group has settled the whole stream."""
    (group,) = scene.client.execute_command("XINFO", "GROUPS", stream)
    facts = dict(zip(group[::2], group[1::2], strict=True))
    (newest,) = scene.client.execute_command("XREVRANGE", stream, "+", "-", "COUNT", 1)
    return bool(facts[b"pending"] == 0 and facts[b"last-delivered-id"] == newest[0])


def _connections(scene: Scene) -> int:
    """Return the number of the workers' current connections to the server."""
    listed: bytes = scene.client.execute_command("CLIENT", "LIST")
    return listed.count(b" name=streamroute ")


def _judge_resources(scene: Scene, worker: Worker, connections: int) -> None:
    if not 0 < connections <= _MAX_CONNECTIONS:
        scene.problems.append(f"the worker had {connections} connections")
    if (threads := worker.threads or 1) > _MAX_THREADS:
        scene.problems.append(f"the worker had {threads} threads")


def _judge_attempts(scene: Scene) -> None:
    """No attempt is spent without a handler's failure."""
    orders = {order.id for order in read_orders(scene.folder)}
    burnt = [
        run
        for run in read_runs(scene.folder)
        if run.route == "record" and run.id in orders and (run.attempt, run.deliveries) != (1, 1)
    ]
    scene.problems += [f"an attempt that nothing had failed before: {run}" for run in burnt[:5]]


def _judge_log(scene: Scene, worker: Worker) -> None:
    if (size := len(worker.log)) > _LOG:
        scene.problems.append(f"the log of {GROUP} has {size:,} characters")
