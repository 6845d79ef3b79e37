"""The reloads of a service, with a fake target: who asks, what is answered, and that nothing is left."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import pytest

from consuming import eventually
from open_files import count_open_files
from projects import Done
from reload_fakes import FakeTarget
from servers import wait_until
from streamroute.cli.commands.serving.reloading import ReloadOptions, Reloads
from streamroute.cli.commands.serving.start import StartConfig, load_at_start
from streamroute.cli.process.hangups import Hangups
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.ops.reload.candidate import Candidate
from streamroute.ops.reload.control.client import ask_all
from streamroute.ops.reload.control.messages import (
    GENERATION,
    RELOAD,
    ROLLBACK,
    ControlAnswer,
    ControlRequest,
)
from streamroute.ops.reload.hooks import ReloadHooks
from streamroute.system.waiting import wait_for_event

CONFIG = """
version: 1
streams: {events: {group: tests}}
routes:
  - {name: NAME, type: t, handler: served_jobs.ok}
"""


class Site:
    """A configuration on disk, with its state folder."""

    def __init__(self, folder: Path) -> None:
        self.file, self.state = folder / "routes.yaml", folder / "state"
        (folder / "served_jobs.py").write_text("async def ok(payload): ...\n")
        self.write("one")
        self.hangups = Hangups(lambda: False)
        self.applied: list[Candidate] = []
        self.has_applied = asyncio.Event()
        self.hooks = ReloadHooks(applied=self.on_applied)

    def write(self, name: str) -> None:
        self.file.write_text(CONFIG.replace("NAME", name))

    def start(self, *, last_good: bool = False) -> StartConfig:
        with click.Context(click.Command("serve")):
            return load_at_start(self.file, self.state, last_good=last_good)

    def on_applied(self, candidate: Candidate) -> None:
        self.applied.append(candidate)
        self.has_applied.set()

    @asynccontextmanager
    async def serving(self, start: StartConfig, *, watch: bool = False) -> AsyncIterator[FakeTarget]:
        """Serve with a fake target; assert that no task, thread, file or descriptor is left."""
        tasks, files = asyncio.all_tasks(), count_open_files()
        target = FakeTarget(start.candidate.generation)
        reloads = Reloads(ReloadOptions(self.state, watch=watch, hangups=self.hangups), start)
        async with reloads.serving(target, self.hooks):
            yield target
        assert asyncio.all_tasks() <= tasks
        await eventually(lambda: count_open_files() <= files, "clients and transports to close their sockets")
        assert not list(self.state.rglob("*.sock"))

    async def ask(self, request: ControlRequest) -> ControlAnswer:
        (answer,) = await asyncio.to_thread(lambda: list(ask_all(self.state, request, 60)))
        assert isinstance(answer, ControlAnswer)
        return answer


@pytest.fixture
def site() -> Iterator[Site]:
    threads = set(threading.enumerate())
    with tempfile.TemporaryDirectory(prefix="sr-") as folder, isolated_imports(Path(folder)):
        yield Site(Path(folder))
    wait_until(
        lambda: (
            not [
                thread.name
                for thread in set(threading.enumerate()) - threads
                if thread.name.startswith("streamroute")
            ]
        ),
        "the end of all threads",
    )


async def applied(site: Site) -> str:
    """Return the route that the next applied candidate has."""
    assert await wait_for_event(site.has_applied, 60)
    site.has_applied.clear()
    return site.applied[-1].document.routes[0].name


async def test_sighup_reloads(site: Site) -> None:
    async with site.serving(site.start()) as target:
        site.write("two")
        site.hangups.request()
        assert await applied(site) == "two"
        assert target.generation == site.applied[-1].generation


async def test_sighup_from_before_the_service_runs_is_served(site: Site) -> None:
    start = site.start()
    reloads = Reloads(ReloadOptions(site.state, hangups=site.hangups), start)
    site.write("two")
    site.hangups.request()
    async with reloads.serving(FakeTarget(start.candidate.generation), site.hooks):
        assert await applied(site) == "two"


async def test_sighup_while_it_stops_is_ignored_with_one_line(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with site.serving(site.start()):
        pass
    site.hangups.request()
    assert [line for line in caplog.messages if "SIGHUP" in line] == [
        "SIGHUP is ignored: this process is stopping"
    ]


async def test_sighup_just_before_it_stops_is_ignored_with_one_line(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """The reloader takes the request, and is closed before it has begun to load."""
    caplog.set_level(logging.INFO)
    async with site.serving(site.start()):
        site.hangups.request()
    await asyncio.sleep(0)  # callbacks of the cancelled result
    assert caplog.messages.count("SIGHUP is ignored: this process is stopping") == 1


async def test_warnings_of_a_good_edit_are_logged_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """As at the start; those that the configuration before had, too, are not repeated."""
    async with site.serving(site.start()):
        for name in ("two", "three"):
            site.write(f"{name}, filter: '`true`'")
            site.hangups.request()
            assert await applied(site) == name
    warnings = [line for line in caplog.messages if "warning[" in line]
    assert len(warnings) == 1
    assert warnings[0].endswith("warning[SR314]: `true` is always true")


async def test_a_changed_file_reloads_if_files_are_watched(site: Site) -> None:
    async with site.serving(site.start(), watch=True):
        site.write("two")
        assert await applied(site) == "two"
        site.write("three")
        assert await applied(site) == "three"


async def test_a_change_between_the_check_and_the_start_is_not_missed(site: Site) -> None:
    start = site.start()
    site.write("two")
    async with site.serving(start, watch=True):
        assert await applied(site) == "two"


async def test_the_reload_command_gets_the_result_and_the_findings(site: Site) -> None:
    async with site.serving(site.start()) as target:
        site.write("two")
        answer = await site.ask(ControlRequest(RELOAD))
        assert answer.is_ok
        assert answer.result is not None
        assert answer.result.generation == target.generation
        site.write("two, fitler: x")
        answer = await site.ask(ControlRequest(RELOAD))
        assert not answer.is_ok
        assert answer.result is not None
        assert 'did you mean "filter"' in answer.result.findings
        assert "^" in answer.result.findings
        assert answer.result.message.endswith("keeps running: 1 error")


async def test_a_rollback_runs_the_generation_before_and_says_that_the_files_differ(site: Site) -> None:
    start = site.start()
    async with site.serving(start, watch=True) as target:
        site.write("two")
        assert await applied(site) == "two"
        answer = await site.ask(ControlRequest(ROLLBACK))
        assert target.generation == start.candidate.generation
        assert answer.note.startswith("the files on disk differ")
        site.write("three")
        assert await applied(site) == "one"
        assert await applied(site) == "three", "it lasts until a file changes"


async def test_a_rollback_to_what_the_files_say_has_no_note(site: Site) -> None:
    start = site.start()
    async with site.serving(start):
        site.write("two")
        assert (await site.ask(ControlRequest(RELOAD))).is_ok
        site.write("one")
        answer = await site.ask(ControlRequest(ROLLBACK, start.candidate.generation[:5]))
        assert (answer.is_ok, answer.note) == (True, "")


async def test_it_says_which_generation_runs_without_a_reload(site: Site) -> None:
    start = site.start()
    async with site.serving(start) as target:
        site.write("two")
        answer = await site.ask(ControlRequest(GENERATION))
        assert answer.result is not None
        assert answer.result.generation == start.candidate.generation == target.generation
        assert not site.applied


async def test_a_rollback_to_an_unknown_generation_is_an_error(site: Site) -> None:
    async with site.serving(site.start()) as target:
        answer = await site.ask(ControlRequest(ROLLBACK, "ffff"))
        assert 'no stored generation starts with "ffff"' in answer.error
        assert len(target.history) == 1


async def test_two_services_share_a_state_folder(site: Site) -> None:
    start, other = site.start(), Site(site.file.parent)
    first, second = FakeTarget(start.candidate.generation), FakeTarget(start.candidate.generation)
    options = [ReloadOptions(site.state, hangups=each.hangups) for each in (site, other)]
    async with (
        Reloads(options[0], start).serving(first, site.hooks),
        Reloads(options[1], start).serving(second, other.hooks),
    ):
        site.write("two")
        answers = await asyncio.to_thread(lambda: list(ask_all(site.state, ControlRequest(RELOAD), 60)))
    assert [isinstance(answer, ControlAnswer) and answer.is_ok for answer in answers] == [True, True]
    assert first.generation == second.generation == site.applied[-1].generation


async def test_commands_are_for_the_services_of_their_root_file(
    site: Site, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state folder may be shared: by STREAMROUTE_STATE_DIR for all that run on a machine."""
    other = Site(site.file.parent)
    other.file = site.file.with_name("other.yaml")
    other.write("other")

    async def run(*arguments: str) -> Done:
        return await asyncio.to_thread(command, *arguments, "--state-dir", str(site.state))

    start = other.start()
    second = FakeTarget(start.candidate.generation)
    reloads = Reloads(ReloadOptions(site.state, hangups=other.hangups), start)
    async with site.serving(site.start()) as target, reloads.serving(second, other.hooks):
        site.write("two, fitler: x")
        other.write("others")
        done = await run("reload", str(other.file))
        assert (done.code, done.out.count("process"), done.err) == (0, 1, "")
        assert await applied(other) == "others"
        assert (await run("rollback", str(other.file))).code == 0
        assert second.generation == start.candidate.generation
        listed = json.loads((await run("generations", str(other.file), "--format", "json")).out)
        assert {each["generation"]: len(each["processes"]) for each in listed} == {
            start.candidate.generation: 1,
            other.applied[0].generation: 0,
        }
        assert len(target.history) == 1, "nobody asked it"
        done = await run("reload", str(site.file))
        assert (done.code, 'did you mean "filter"' in done.out) == (1, True)
        unserved = site.file.with_name("unserved.yaml")
        unserved.write_text(CONFIG)
        for name in ("reload", "rollback"):
            done = await run(name, str(unserved))
            assert (done.code, done.out) == (1, "")
            assert done.err.startswith(f"error: no running serve of {unserved} was found")
        monkeypatch.chdir(site.state)
        done = await run("reload")
        assert (done.out + done.err).count("process ") == 2, "both, if no configuration is named or here"
        assert second.generation != start.candidate.generation


async def test_a_state_folder_that_cannot_be_used_costs_warnings_alone(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.state.write_text("")
    async with site.serving(site.start()):
        site.write("two")
        site.hangups.request()
        assert await applied(site) == "two"
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "is not kept for a rollback" in warnings[0]


async def test_a_bad_file_is_refused_at_the_start(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.write("two, handlr: x")
    with pytest.raises(click.exceptions.Exit):
        site.start()
    assert "cannot be used: 1 error" in capsys.readouterr().err


async def test_a_start_on_the_last_good_generation_is_loud_and_mended_by_a_reload(
    site: Site, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with site.serving(site.start()):
        pass
    good = site.start().candidate.generation
    site.write("two, handlr: x")
    start = site.start(last_good=True)
    assert (start.candidate.generation, start.is_on_disk) == (good, False)
    assert 'unexpected key "handlr"' in capsys.readouterr().out
    assert f"is NOT used: running the last good generation {good}" in caplog.text
    async with site.serving(start, watch=True):
        site.write("three")
        assert await applied(site) == "three"


def gone(site: Site) -> None:
    os.unlink(site.file)  # noqa: PTH108 - pathlib blocks, too


def a_folder(site: Site) -> None:
    gone(site)
    os.mkdir(site.file)  # noqa: PTH102 - as above


def without_routes(site: Site) -> None:
    site.write("one, enabled: false")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (gone, "file not found"),
        (a_folder, "/routes.yaml:1:1: error[SR001]: the path is a folder, not a file"),
        (without_routes, "/routes.yaml has no enabled route: there is nothing to serve"),
    ],
)
async def test_whatever_became_of_the_file_the_last_good_generation_starts(
    site: Site, capsys: pytest.CaptureFixture[str], damage: Callable[[Site], None], reason: str
) -> None:
    async with site.serving(site.start()):
        pass
    damage(site)
    with pytest.raises(click.exceptions.Exit):
        site.start()
    out, err = capsys.readouterr()
    assert reason in out + err
    start = site.start(last_good=True)
    assert (start.candidate.document.routes[0].name, start.is_on_disk) == ("one", False)


async def test_a_generation_that_cannot_run_any_more_is_named(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Its handlers may be gone; an older one runs, and nobody takes it for the latest."""
    (site.file.parent / "late_jobs.py").write_text("async def ok(payload): ...\n")
    async with site.serving(site.start()):
        pass
    site.file.write_text(CONFIG.replace("NAME", "two").replace("served_jobs", "late_jobs"))
    async with site.serving(site.start()):
        newest = site.start().candidate.generation
    (site.file.parent / "late_jobs.py").unlink()
    sys.modules.pop("late_jobs")
    start = site.start(last_good=True)
    assert (start.candidate.document.routes[0].name, start.is_on_disk) == ("one", False)
    assert f"generation {newest} cannot run any more: 1 error: " in caplog.text


async def test_without_any_good_generation_it_does_not_start(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.write("two, handlr: x")
    with pytest.raises(click.exceptions.Exit):
        site.start(last_good=True)
    assert "could run instead is stored in" in capsys.readouterr().err
