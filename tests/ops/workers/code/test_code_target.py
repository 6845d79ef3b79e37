"""Workers are replaced when their code changes: small stand-ins, which answer as workers do."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from consuming import eventually, within_patience
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.reload.candidate import Candidate, ReloadCause, ReloadRefusedError
from streamroute.ops.reload.code.code_folder import CodeFolder
from streamroute.ops.reload.code.code_watch import CodeWatch
from streamroute.ops.workers.code.code_target import CodeTarget
from streamroute.ops.workers.reports import WorkerReports
from streamroute.ops.workers.restart_pause import RestartPauses
from streamroute.ops.workers.supervisor import Supervisor
from streamroute.system.file_record import FileRecord

NO_REDIS = 4

# The first word of the configuration is the generation; the code is a script for the start of a worker.
WORKER = r"""
import json, os, signal, socket, sys, time

FOLDER, PIPE, END = sys.argv[1], int(sys.argv[2]), socket.socket(fileno=int(sys.argv[4]))
CODE = open(f"{FOLDER}/site/jobs.py").read()

def note(word):
    with open(f"{FOLDER}/lives", "a") as lives:
        lives.write(f"{word}\n")

def report(**said):
    os.write(PIPE, json.dumps(said).encode() + b"\n")

def answer(number=0, generation="", refusal="", lines=(), text="", modules=()):
    values = {"number": number, "generation": generation, "refusal": refusal}
    END.sendall(json.dumps(values | {"lines": lines, "text": text, "modules": modules}).encode() + b"\n")

def leave(*_):
    note(f"{NAME} ends")
    report(ready=True, ended=True)
    os._exit(0)

def stay():
    "Until SIGTERM; it may come before this waits, which signal.pause() would not see."
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    signal.sigwait([signal.SIGTERM])
    leave()

def start(name, **said):
    global NAME
    NAME = name
    report(ready=True)
    note(f"{name} runs")
    answer(generation=GENERATION, **said)

def refuse(reason, *lines):
    answer(refusal=reason, lines=lines)
    sys.exit(1)

ORDERS = END.makefile("rb")

def order():
    order = json.loads(ORDERS.readline() or "null")
    if order is None:
        return order, ""
    content = ORDERS.read(order["size"])
    return order, "b" if b'"b"' in content or b"b-config" in content else "a"

_, GENERATION = order()
signal.signal(signal.SIGTERM, leave)
exec(CODE)
while True:
    step, generation = order()
    if step is None:
        signal.pause()
    note(f"{NAME}: {step['step']}")
    if step["step"] != "discard":
        GENERATION = generation if step["step"] == "prepare" else GENERATION
        answer(step["number"], GENERATION)
"""


class Site:
    """A configuration and its code, and a target that runs them."""

    def __init__(self, folder: Path, count: int, **settings: Any) -> None:
        self.folder, self.count = folder, count
        (folder / "site").mkdir()
        self.code("start('one')")
        self.watch = CodeWatch(CodeFolder(str(folder / "site")))
        self.reports = WorkerReports(Counters({}))
        self.reachable = asyncio.Event()
        self.reachable.set()
        self.target = CodeTarget(self.candidate("a"), self.build, self.watch, **settings)

    def build(self, _candidate: Candidate) -> Supervisor:
        return Supervisor(
            [sys.executable, "-I", "-S", "-c", WORKER, str(self.folder)],
            self.count,
            self.reports,
            drain=False,
            stop_timeout=3600.0,
            unreachable_code=NO_REDIS,
            wait_until_reachable=self.wait,
            pauses=RestartPauses(first=0.001, unreachable=(0.001, 0.002)),
            channel_option="--channel",
        )

    async def wait(self) -> None:
        await self.reachable.wait()

    def code(self, text: str) -> None:
        (self.folder / "site" / "jobs.py").write_text(text)

    def candidate(self, generation: str) -> Candidate:
        """Return a candidate with the code on disk."""
        nothing: Any = None
        content = f"{generation}-config".encode()
        record = FileRecord("routes.yaml", "/", None, {"routes.yaml": content}, {}, {}, {}, {})
        return Candidate(generation, nothing, nothing, (), record, ReloadCause.FILES, self.watch.read())

    async def apply(self, generation: str = "a") -> None:
        await within_patience(self.target.apply(self.candidate(generation)))

    async def refused(self, reason: str, generation: str = "a") -> None:
        with pytest.raises(ReloadRefusedError, match=reason):
            await self.apply(generation)

    @property
    def lives(self) -> list[str]:
        path = self.folder / "lives"
        return path.read_text().splitlines() if path.exists() else []

    async def until(self, *words: str) -> None:
        await eventually(lambda: self.lives == [*words], f"{words}")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[int]]:
        """Run the target beside the block, and stop it then; no process is left."""
        task = asyncio.create_task(self.target.run())
        try:
            yield task
            self.target.stop()
            await within_patience(asyncio.wait([task]))
            assert task.cancelled() or task.result() == 0
        finally:
            self.target.kill()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert self.target._alive == set()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, 1)


async def test_new_code_starts_before_the_old_code_ends(site: Site) -> None:
    async with site.running():
        await site.until("one runs")
        site.code("start('two')")
        candidate = site.candidate("a")
        assert not site.target.runs(candidate)
        await within_patience(site.target.apply(candidate))
        assert site.target.runs(candidate)
        await site.until("one runs", "two runs", "one ends")
    assert site.lives[3:] == ["two ends"]


async def test_code_and_configuration_change_in_one_step(site: Site) -> None:
    async with site.running():
        await site.until("one runs")
        site.code("start(f'two with {GENERATION}')")
        await site.apply("b")
        assert site.target.generation == "b"
        await site.until("one runs", "two with b runs", "one ends")


async def test_workers_go_on_with_another_configuration_if_their_code_is_the_same(site: Site) -> None:
    async with site.running():
        await site.apply("b")
        assert site.target.generation == "b"
        assert site.target.runs(site.candidate("b"))
        assert site.lives == ["one runs", "one: prepare", "one: commit"]


REFUSED = {
    "refuse('1 error', 'jobs.py:1: no', 'and', 'more', 'lines')": "^1 error; jobs.py:1: no; and; more$",
    "os._exit(0)": r"^worker 1 ended \(exit code 0\) before it was ready$",
    "os.kill(os.getpid(), signal.SIGKILL)": r"^worker 1 ended \(SIGKILL\) before it was ready$",
    "sys.exit(1)": r"^worker 1 ended \(exit code 1\) before it was ready$",
}


@pytest.mark.parametrize("code", REFUSED)
async def test_code_that_cannot_start_is_refused_and_the_old_workers_go_on(site: Site, code: str) -> None:
    async with site.running():
        await site.until("one runs")
        site.code(code)
        await site.refused(REFUSED[code])
        assert site.target.generation == "a"
        assert not site.target.runs(site.candidate("a"))
        await eventually(lambda: len(site.target._alive) == 1)
        site.code("start('two')")
        await site.apply()
        await site.until("one runs", "two runs", "one ends")


async def test_if_one_worker_cannot_start_none_of_the_new_ones_stay(tmp_path: Path) -> None:
    site = Site(tmp_path, 2)
    async with site.running():
        await site.until("one runs", "one runs")
        site.code("os.mkdir(FOLDER + '/first'); start('two')")
        await site.refused(r"^worker \d ended \(exit code 1\) before it was ready$")
        await eventually(lambda: len(site.target._alive) == 1)
        assert sorted(site.lives) in (["one runs"] * 2, ["one runs"] * 2 + ["two ends", "two runs"])


async def test_all_new_workers_run_before_the_old_ones_end(tmp_path: Path) -> None:
    site = Site(tmp_path, 2)
    async with site.running():
        await site.until("one runs", "one runs")
        site.code("start('two')")
        await site.apply()
        assert site.lives == [*["one runs"] * 2, *["two runs"] * 2, *["one ends"] * 2]


async def test_workers_that_hang_at_the_start_are_given_up_when_files_change_again(site: Site) -> None:
    async with site.running():
        await site.until("one runs")
        site.code("note('hangs'); signal.signal(signal.SIGTERM, signal.SIG_DFL); signal.pause()")
        applying = asyncio.create_task(site.refused("^files have changed again$"))
        await site.until("one runs", "hangs")
        site.target.abandon()
        await applying
        site.code("start('two')")
        await site.apply()
        await site.until("one runs", "hangs", "two runs", "one ends")


async def test_workers_that_hang_at_the_start_are_given_up_in_the_end(tmp_path: Path) -> None:
    site = Site(tmp_path, 1, patience=0.1)
    async with site.running():
        await site.until("one runs")
        site.code("signal.signal(signal.SIGTERM, signal.SIG_DFL); signal.pause()")
        await site.refused("^new workers did not start within 0.1 s$")


async def test_new_workers_wait_for_redis(site: Site) -> None:
    async with site.running():
        await site.until("one runs")
        site.reachable.clear()
        site.code(f"note('no Redis'); report(ended=True); os._exit({NO_REDIS})")
        applying = asyncio.create_task(site.apply())
        await site.until("one runs", "no Redis")
        site.code("start('two')")
        site.reachable.set()
        await applying
        assert site.lives == ["one runs", "no Redis", "two runs", "one ends"]


async def test_a_worker_that_was_started_again_may_have_other_code(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Then the next reload replaces it, even if nothing else has changed."""
    async with site.running():
        await site.until("one runs")
        candidate = site.candidate("a")
        [process] = next(iter(site.target._alive)).supervisor._running
        site.code("refuse('1 error', 'jobs.py:1: no')")
        process.kill()
        await eventually(lambda: "worker 1 cannot start again: 1 error; jobs.py:1: no" in caplog.text)
        site.code("start('one')")
        assert not site.target.runs(candidate)
        assert site.target.describe(candidate) == "the workers are started again"
        await site.apply()
        assert site.target.runs(candidate)
        assert site.target.describe(candidate) == ""


async def test_modules_from_elsewhere_are_followed_once_they_are_imported(site: Site, tmp_path: Path) -> None:
    library = tmp_path / "library.py"
    library.write_text("one")
    os.utime(library, (0, 0))
    site.code(f"start('one', modules=[{str(library)!r}])")
    site.target = CodeTarget(site.candidate("a"), site.build, site.watch)
    async with site.running():
        await eventually(lambda: str(library) in site.watch.modules)
        assert site.target.runs(site.candidate("a"))
        library.write_text("two")
        assert not site.target.runs(site.candidate("a"))
        assert site.target.describe(site.candidate("a")) == "code changed: ../library.py"
        await site.apply()
        await site.until("one runs", "one runs", "one ends")
        assert site.target.runs(site.candidate("a"))


async def test_a_module_that_changes_while_workers_start_is_imported_again(
    site: Site, tmp_path: Path
) -> None:
    library = tmp_path / "library.py"
    site.code(f"open({str(library)!r}, 'w').write('one'); start('one', modules=[{str(library)!r}])")
    site.target = CodeTarget(site.candidate("a"), site.build, site.watch)
    async with site.running():
        await eventually(lambda: str(library) in site.watch.modules)
        assert not site.target.runs(site.candidate("a"))
        site.code(f"start('one', modules=[{str(library)!r}])")
        await site.apply()
        assert site.target.runs(site.candidate("a"))


async def test_a_reload_ends_when_the_old_workers_read_no_more(site: Site) -> None:
    async with site.running():
        await site.until("one runs")
        site.code("start('two')")
        await site.apply()
        assert site.lives == ["one runs", "two runs", "one ends"]


async def test_warnings_of_new_code_are_logged_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.code("start('one', lines=['a warning'])")
    async with site.running():
        await site.until("one runs")
        site.code("start('two', lines=['a warning', 'another'])")
        await site.apply()
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        "a warning",
        "another",
    ]


async def test_workers_that_cannot_start_at_first_end_the_run(site: Site) -> None:
    site.code("refuse('1 error', 'jobs.py:1: no')")
    assert await within_patience(site.target.run()) == 1
    assert site.target.start_refusal is not None
    assert site.target.start_refusal.answer.refusal == "1 error"


async def test_a_refusal_counts_even_if_the_worker_is_slow_to_end(site: Site) -> None:
    site.code("NAME = 'one'; answer(refusal='1 error'); signal.pause()")
    assert await within_patience(site.target.run()) == 1
    assert site.target.start_refusal is not None
    assert site.lives == ["one ends"]


async def test_a_stop_during_the_start_is_no_refusal(site: Site) -> None:
    site.code("NAME = 'one'; note('starts'); stay()")
    async with site.running():
        await site.until("starts")
    assert site.target.start_refusal is None


async def test_a_stop_ends_new_workers_too(site: Site) -> None:
    async with site.running() as task:
        await site.until("one runs")
        site.code("NAME = 'two'; note('starts'); stay()")
        applying = asyncio.create_task(site.refused("^this process is stopping$"))
        await site.until("one runs", "starts")
        site.target.stop()
        assert await within_patience(task) == 0
        await applying
        await site.refused("^this process is stopping$")
    assert sorted(site.lives[2:]) == ["one ends", "two ends"]


async def test_a_cancelled_run_lets_all_workers_end(site: Site) -> None:
    async with site.running() as task:
        await site.until("one runs")
        task.cancel()
    assert task.cancelled()
    assert site.lives == ["one runs", "one ends"]


async def test_only_a_few_old_workers_run_beside_the_new_ones(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.code("signal.signal(signal.SIGTERM, signal.SIG_IGN); start('one')")
    site.target = CodeTarget(site.candidate("a"), site.build, site.watch, max_ending=1)
    async with site.running():
        await site.until("one runs")
        [old] = next(iter(site.target._alive)).supervisor._running
        site.code("start('two')")
        await site.apply()
        site.code("start('three')")
        applying = asyncio.create_task(site.apply())
        await eventually(lambda: "the reload waits" in caplog.text)
        assert site.lives == ["one runs", "two runs"]
        old.kill()
        await applying
        await site.until("one runs", "two runs", "three runs", "two ends")


async def test_workers_have_the_longest_time_to_end_that_any_configuration_gave(site: Site) -> None:
    async with site.running():
        await site.until("one runs")
        [workers] = site.target._alive
        site.target.allow_stop(7200.0)
        site.target.allow_stop(1.0)
        assert workers.supervisor.stop_timeout == 7200.0
