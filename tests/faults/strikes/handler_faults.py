"""P8, misbehaving handlers: whatever they raise, change or ignore, other messages are not affected."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING

from bad_handlers import ENDS
from group_state import read_letters
from ledger import now, read_runs
from misbehaving import ALL
from oracle import Fault
from producer import KIND
from scenarios import own_scenario
from waiting import wait_for

if TYPE_CHECKING:
    from ledger import What
    from scene import Scene
    from worker_process import Worker

_ALTERED = "order.altered"
_ALL = "{n: n, half: half, twice: twice, guest: guest}"
_INTACT = "handler: bad_handlers.expect_intact, with: {route: %s}"
_SIBLINGS = tuple(
    f"type: {_ALTERED}, name: {route}"
    for route in (
        "spoil, handler: bad_handlers.spoil",
        f"filtered, filter: \"twice > `0` && guest.tier == 'gold'\", {_INTACT % 'filtered'}",
        f"transformed, transform: '{_ALL}', {_INTACT % 'transformed'}",
        f"deduped, dedupe: {{key: twice, ttl: 1h}}, {_INTACT % 'deduped'}",
    )
)
_POLICY = "retry: {max_attempts: 2, delay: 0ms}"
_CONCURRENCY = 4
_LOG = 500_000  # characters
_LINE = 40_000  # characters of JSON, including escapes
_TIMEOUT = "100ms"


@own_scenario("a handler that changes its payload", workers=0)
def spoil(scene: Scene) -> None:
    """Later routes filter, transform and dedupe by the data it changes; meanwhile a worker is killed."""
    how = {"kinds": [KIND, _ALTERED], "more_routes": _SIBLINGS}
    victim, _ = (scene.start_worker(routes=how) for _ in range(2))
    scene.run_in()
    routes = ["spoil", "filtered", "transformed", "deduped"]
    guest = {"tier": "gold", "name": "Ada"}
    for half in range(1, 101):
        scene.producer.send(_ALTERED, routes, guest=guest, half=half, twice=2 * half)
    scene.kill(victim)
    scene.heal()


@own_scenario("exceptions that misbehave", workers=0)
def raise_odd(scene: Scene) -> None:
    """Far more than the concurrency limit, in coroutines and threads: each gets an outcome and ends."""
    routes = [
        f"name: later, type: {KIND}, filter: odd, handler: bad_handlers.raise_later, {_POLICY}",
        f"name: thread, type: {KIND}, filter: odd, handler: bad_handlers.raise_in_thread, {_POLICY}",
    ]
    worker = scene.start_worker(routes={"settings": {"concurrency": _CONCURRENCY}, "more_routes": routes})
    for odd in ALL:
        scene.producer.send(odd=odd, routes=["later", "thread"], doomed=["later", "thread"])
    wait_for(lambda: scene.state().is_quiet, "each exception to have its outcome", scene.patience)
    scene.occupy(worker, _CONCURRENCY)
    scene.open_gate(worker)
    size, longest = len(worker.log), max(map(len, worker.log.splitlines()))
    if size > _LOG or longest > _LINE:
        scene.problems.append(f"the log has {size:,} characters, and a line of {longest:,}")


@own_scenario("GeneratorExit and its like from a thread", workers=0)
def end(scene: Scene) -> None:
    """They are failures of their route: siblings run once, and the dead letter names the exception."""
    raising = f"name: end, type: {KIND}, filter: ends, handler: bad_handlers.end, {_POLICY}"
    beside = f"name: beside, type: {KIND}, filter: ends, handler: bad_handlers.take, with: {{route: beside}}"
    scene.start_worker(routes={"more_routes": [raising, beside]})
    sent = {
        scene.producer.send(ends=ends, routes=["end", "beside"], doomed=["end"]): ends for ends in [*ENDS] * 5
    }
    scene.rest()
    said = {letter["_streamroute"].decode() for letter in read_letters(scene.client)}
    for entry_id, ends in sent.items():
        if not any(entry_id in one and "failed after 2 attempts" in one and ends in one for one in said):
            scene.problems.append(f"no letter says that {entry_id} has failed with {ends}")
    runs = [(run.id, run.route) for run in read_runs(scene.folder) if run.what == "start"]
    scene.problems += [f"ran {runs.count(run)} times: {run}" for run in {*runs} if runs.count(run) > 1]


@own_scenario("handlers that swallow their cancellation", workers=0)
def cling(scene: Scene) -> None:
    """They fully occupy a worker: another one does the rest and their entries, and /healthz reports it."""
    settings = {"concurrency": _CONCURRENCY}
    routes = f"name: cling, type: {KIND}, filter: cling, timeout: {_TIMEOUT}, handler: bad_handlers.cling"
    how = {"settings": settings, "more_routes": [routes]}
    stuck = scene.start_worker(routes=how, options=("--metrics", "127.0.0.1:0"))
    sent = _cling(scene, _CONCURRENCY)
    wait_for(
        lambda: len(_clinging(scene, sent, "start")) == _CONCURRENCY,
        "all workers to be occupied",
        scene.patience,
    )
    began = now()
    scene.start_worker(routes={**how, "settings": {}})
    scene.producer.start()
    _wait_until_given_up(scene, stuck, sent, began)
    wait_for(lambda: _health(stuck) == 503, "its health to be told", scene.patience)
    scene.expect_log("a cancelled handler keeps running", "bad_handlers.py")


@own_scenario("on_stuck: exit, under --workers", workers=0)
def exit_stuck(scene: Scene) -> None:
    """A worker with a handler that does not end is replaced, and its other entries are handled."""
    routes = f"name: cling, type: {KIND}, filter: cling, timeout: {_TIMEOUT}, handler: bad_handlers.cling"
    how = {"settings": {"on_stuck": "exit"}, "more_routes": [routes]}
    supervisor = scene.start_worker(routes=how, options=("--workers", "2"))
    scene.run_in()
    sent, began = _cling(scene, 2), now()
    _wait_until_given_up(scene, supervisor, sent, began)
    ended = "exited unexpectedly (exit code 1) after it was ready"
    wait_for(lambda: ended in supervisor.log, "the worker to be replaced", scene.patience)
    scene.heal()


def _cling(scene: Scene, count: int) -> set[str]:
    return {scene.producer.send(cling=True, routes=["cling"]) for _ in range(count)}


def _clinging(scene: Scene, sent: set[str], what: What) -> set[str]:
    runs = [run for run in read_runs(scene.folder) if run.route == "cling" and run.what == what]
    return sent & {run.id for run in runs}


def _wait_until_given_up(scene: Scene, stuck: Worker, sent: set[str], began: float) -> None:
    """Wait until the entries it held take effect elsewhere."""
    wait_for(lambda: sent <= _clinging(scene, sent, "done"), "what is stuck to take effect", scene.patience)
    scene.recovered("stuck handlers", now() - began, scene.patience)
    hit = frozenset([stuck.name])
    scene.faults.append(Fault(kind="stuck handlers", begin=began, end=now(), workers=hit))


def _health(worker: Worker) -> int | None:
    """Return the status of its ``/healthz``; None before it has logged the address."""
    found = re.search(r"metrics are at (http://127\.0\.0\.1:\d+)/metrics", worker.log)
    if not found:
        return None
    try:
        with urllib.request.urlopen(f"{found[1]}/healthz", timeout=20) as answer:  # noqa: S310 - our own
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        with closing(error):
            return error.code
