"""Bad input: each is refused with one line that says why, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consuming import eventually
from open_files import count_open_files
from reload_fakes import FakeTarget
from servers import wait_until
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.ops.metrics.reload_status import ReloadStatus
from streamroute.ops.reload.candidate import Candidate, ReloadCause
from streamroute.ops.reload.file_watcher import FileWatcher
from streamroute.ops.reload.hooks import ReloadHooks
from streamroute.ops.reload.loaded import FindingsText
from streamroute.ops.reload.loading import CandidateLoader
from streamroute.ops.reload.reloader import Reloader
from streamroute.ops.reload.result import ReloadResult

if TYPE_CHECKING:
    from streamroute.config.document import Document
    from streamroute.config.findings.finding import Finding
    from streamroute.config.findings.text_file import TextFile

ROOT = """
version: 1
include: [features/*.yaml]
streams: {events: {group: tests, validate: true}}
messages: {t: {schema: t.json}}
routes:
  - {name: one, type: t, handler: reloaded_jobs.ok}
"""
WAITING = "import reloaded_gate\nreloaded_gate.gate.wait(60)\nasync def ok(payload): ...\n"
GATE = "import threading\ngate = threading.Event()\n"
EXTRA = "version: 1\nroutes:\n  - {name: two, type: t, handler: reloaded_jobs.ok}\n"


def texts(findings: Sequence[Finding], _sources: Mapping[str, TextFile]) -> FindingsText:
    lines = tuple(map(str, findings))
    return FindingsText(f"{len(lines)} findings", lines, "\n".join(lines))


class Files:
    """A configuration whose reloads a test watches; a target stands for the app."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("routes.yaml", ROOT)
        self.write("t.json", '{"type": "object"}')
        self.write("reloaded_jobs.py", "async def ok(payload): ...\n")
        self.write("features/two.yaml", EXTRA)
        self.loader = CandidateLoader(folder / "routes.yaml", texts)
        loaded = self.loader(ReloadCause.START, None, None)
        assert loaded.candidate is not None, loaded.findings.text
        self.candidate: Candidate = loaded.candidate
        self.target = FakeTarget(self.candidate.generation)
        self.status = ReloadStatus(self.candidate.generation)
        self.watcher = FileWatcher(self.count)
        self.watcher.watch(loaded.watched)
        self.changes = 0

    def count(self) -> None:
        self.changes += 1

    def has_changed(self) -> bool:
        """Whether the watcher reports a change of the files since the last time."""
        before = self.changes
        for _ in range(3):
            self.watcher.look()
        return self.changes > before

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    @asynccontextmanager
    async def reloader(self, patience: float = 60.0) -> AsyncIterator[Reloader]:
        hooks = ReloadHooks(files_read=self.watcher.watch)
        async with Reloader(
            self.candidate, self.target, self.loader, self.status, hooks, patience=patience
        ) as reloader:
            yield reloader

    async def reload(self, cause: ReloadCause = ReloadCause.FILES) -> ReloadResult:
        async with self.reloader() as reloader:
            return await reloader.reload(cause)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    with isolated_imports(tmp_path):
        yield Files(tmp_path)


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    descriptors, threads = count_open_files(), set(threading.enumerate())
    yield
    wait_until(lambda: set(threading.enumerate()) <= threads, "the end of all threads")
    assert count_open_files() <= descriptors


def half_written(files: Files) -> None:
    files.write("routes.yaml", ROOT[: ROOT.index("handler") + 10])


def empty(files: Files) -> None:
    files.write("routes.yaml", "")


def deleted(files: Files) -> None:
    (files.folder / "routes.yaml").unlink()


def not_utf8(files: Files) -> None:
    files.write("routes.yaml", b"\xff\xfe" + ROOT.encode("utf-16-le"))


def a_folder(files: Files) -> None:
    deleted(files)
    (files.folder / "routes.yaml").mkdir()


def a_pipe(files: Files) -> None:
    deleted(files)
    os.mkfifo(files.folder / "routes.yaml")


def a_link_to_itself(files: Files) -> None:
    deleted(files)
    (files.folder / "routes.yaml").symlink_to("routes.yaml")


def a_link_to_another_folder(files: Files) -> None:
    deleted(files)
    (files.folder / "routes.yaml").symlink_to("/etc/hostname")


def a_broken_include(files: Files) -> None:
    files.write("features/two.yaml", "version: 1\nroutes: [")


def an_include_that_is_a_pipe(files: Files) -> None:
    os.mkfifo(files.folder / "features" / "pipe.yaml")


def a_duplicate_route_in_a_new_file(files: Files) -> None:
    files.write("features/three.yaml", EXTRA)


def a_schema_that_grows(files: Files) -> None:
    text = '{"type": "object", "description": "' + "x" * 10_000_000 + '"}'
    files.write("t.json", text)


def a_schema_that_is_gone(files: Files) -> None:
    (files.folder / "t.json").unlink()


def a_schema_that_is_half_written(files: Files) -> None:
    files.write("t.json", '{"type": "obj')


def a_module_that_raises(files: Files) -> None:
    files.write("raising.py", "raise ValueError('no such service')\n")
    files.write("routes.yaml", ROOT.replace("reloaded_jobs.ok", "raising.ok"))


def a_module_that_exits(files: Files) -> None:
    files.write("exiting.py", "import sys\nsys.exit(3)\n")
    files.write("routes.yaml", ROOT.replace("reloaded_jobs.ok", "exiting.ok"))


def a_module_that_sets_a_signal_handler(files: Files) -> None:
    files.write("signalling.py", "import signal\nsignal.signal(signal.SIGTERM, print)\n")
    files.write("routes.yaml", ROOT.replace("reloaded_jobs.ok", "signalling.ok"))


def a_handler_that_is_missing(files: Files) -> None:
    files.write("routes.yaml", ROOT.replace("reloaded_jobs.ok", "reloaded_jobs.gone"))


def a_filter_that_is_wrong(files: Files) -> None:
    files.write("routes.yaml", ROOT.replace("handler: rel", "filter: '[', handler: rel"))


def aliases_that_explode(files: Files) -> None:
    lines = ["x-0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    files.write("routes.yaml", ROOT + "\n".join(lines))


def deep_nesting(files: Files) -> None:
    files.write("routes.yaml", "x-deep: " + "[" * 100_000)


def no_enabled_route(files: Files) -> None:
    files.write("routes.yaml", ROOT.replace("type: t,", "type: t, enabled: false,"))
    files.write("features/two.yaml", EXTRA.replace("type: t,", "type: t, enabled: false,"))


BAD: list[tuple[Callable[[Files], None], str]] = [
    (half_written, "SR0"),
    (empty, "the file is empty"),
    (deleted, "file not found"),
    (not_utf8, "the file is UTF-16, not UTF-8"),
    (a_folder, "/routes.yaml:1:1: error[SR001]: the path is a folder, not a file"),
    (no_enabled_route, "routes.yaml has no enabled route: there is nothing to serve"),
    (a_pipe, "it is a pipe, not a file"),
    (a_link_to_itself, "could not read the file"),
    (a_link_to_another_folder, "a link that points outside its folder"),
    (a_broken_include, "features/two.yaml"),
    (an_include_that_is_a_pipe, "it is a pipe, not a file"),
    (a_duplicate_route_in_a_new_file, "two"),
    (a_schema_that_grows, "the file is larger than 10 MB"),
    (a_schema_that_is_gone, "t.json"),
    (a_schema_that_is_half_written, "the file is not JSON"),
    (a_module_that_raises, 'could not import "raising": ValueError: no such service'),
    (a_module_that_exits, 'could not import "exiting": SystemExit: 3'),
    (a_module_that_sets_a_signal_handler, "signal only works in main thread"),
    (a_handler_that_is_missing, 'has no attribute "gone"'),
    (a_filter_that_is_wrong, "error[SR3"),
    (aliases_that_explode, "error["),
    (deep_nesting, "error["),
]


@pytest.mark.parametrize(("damage", "reason"), BAD, ids=[damage.__name__ for damage, _ in BAD])
async def test_bad_input_is_refused_and_mended(
    files: Files, damage: Callable[[Files], None], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    generation = files.candidate.generation
    damage(files)
    assert files.has_changed()
    result = await files.reload()
    assert (result.outcome, result.generation) == ("refused", generation)
    assert files.target.history == [generation]
    assert any(reason in line for line in caplog.messages), caplog.messages
    assert "Traceback" not in caplog.text
    assert [line for line in caplog.messages if "keeps running" in line] == [result.message]
    assert "\n" not in result.message
    assert files.status.is_last_successful is False
    assert not files.has_changed(), "it is refused once, not at every look"
    for path in (files.folder / "routes.yaml", files.folder / "features" / "pipe.yaml"):
        _remove(path)
    (files.folder / "features" / "three.yaml").unlink(missing_ok=True)
    Files.write(files, "routes.yaml", ROOT)
    files.write("t.json", '{"type": "object"}')
    files.write("features/two.yaml", EXTRA)
    assert files.has_changed()
    assert (await files.reload()).outcome == "unchanged"
    assert files.status.is_last_successful is True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


async def test_an_include_that_appears_and_disappears_is_followed(files: Files) -> None:
    new = files.write("features/three.yaml", EXTRA.replace("two", "three"))
    assert files.has_changed()
    result = await files.reload()
    assert result.outcome == "applied"
    new.unlink()
    assert files.has_changed()
    result = await files.reload()
    assert (result.outcome, result.generation) == ("applied", files.candidate.generation)
    assert not files.has_changed()


async def test_files_that_no_include_matches_cause_no_reload(files: Files) -> None:
    files.write("features/notes.txt", "notes")
    files.write(".routes.yaml.swp", "swap")
    files.write("ledger", "line")
    assert not files.has_changed()


async def test_user_code_may_change_the_working_folder(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files.folder)
    files.loader = CandidateLoader(Path("routes.yaml"), texts, working_folder=str(files.folder))
    files.write("moving.py", "import os\nos.chdir('/')\nasync def ok(payload): ...\n")
    async with files.reloader() as reloader:
        files.write("routes.yaml", ROOT.replace("reloaded_jobs", "moving"))
        assert (await reloader.reload(ReloadCause.FILES)).outcome == "applied"
        assert Path.cwd() == Path("/")
        files.write("routes.yaml", ROOT)
        assert files.has_changed()
        assert (await reloader.reload(ReloadCause.FILES)).outcome == "applied"
        assert files.target.generation == files.candidate.generation
        (files.folder / "routes.yaml").unlink()
        assert files.has_changed()
        refused = await reloader.reload(ReloadCause.FILES)
        assert f"{files.folder}/routes.yaml:1:1" in refused.findings


async def test_a_module_that_is_mended_is_tried_again(files: Files) -> None:
    """Only modules of a refused configuration are watched: code that runs is not reloaded."""
    a_module_that_raises(files)
    assert files.has_changed()
    async with files.reloader() as reloader:
        assert (await reloader.reload(ReloadCause.FILES)).outcome == "refused"
        files.write("raising.py", "async def ok(payload): ...\n")
        assert files.has_changed()
        assert (await reloader.reload(ReloadCause.FILES)).outcome == "applied"
        files.write("raising.py", "raise ValueError('later')\n")
        assert not files.has_changed()


async def test_a_module_that_takes_too_long_is_refused_while_it_hangs(files: Files) -> None:
    files.write(
        "hanging.py", "import reloaded_gate\nreloaded_gate.gate.wait(60)\nasync def ok(payload): ...\n"
    )
    files.write("reloaded_gate.py", GATE)
    files.write("routes.yaml", ROOT.replace("reloaded_jobs.ok", "hanging.ok"))
    async with files.reloader(patience=0.5) as reloader:
        first = await reloader.reload(ReloadCause.FILES)
        second = await reloader.reload(ReloadCause.HANGUP)
        assert "did not end within 0.5 s" in first.message
        assert "the one before it has not ended yet" in second.message
        assert files.target.history == [files.candidate.generation]
        (await gate()).set()
        wait_until(lambda: "streamroute reload" not in _threads(), "the end of the import")
        async with asyncio.timeout(60):
            while (third := await reloader.reload(ReloadCause.HANGUP)).outcome == "refused":
                assert "still reading files" in third.message, "half a second is short on a busy machine"
        assert third.outcome == "applied"


async def gate() -> threading.Event:
    """Return the gate of the module that is being imported, once it has one."""
    found = await eventually(lambda: getattr(sys.modules.get("reloaded_gate"), "gate", None))
    assert isinstance(found, threading.Event)
    return found


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


async def test_the_event_loop_turns_while_a_module_is_imported(files: Files) -> None:
    files.write("slow.py", "import reloaded_gate\nreloaded_gate.gate.wait(60)\nasync def ok(payload): ...\n")
    files.write("reloaded_gate.py", GATE)
    files.write("routes.yaml", ROOT.replace("reloaded_jobs.ok", "slow.ok"))
    async with files.reloader() as reloader:
        reloading = asyncio.create_task(reloader.reload(ReloadCause.HANGUP))
        opened = await gate()
        assert not reloading.done()
        opened.set()
        assert (await reloading).outcome == "applied"


async def test_a_hundred_requests_at_once_are_a_few_reloads(files: Files) -> None:
    files.write("routes.yaml", ROOT.replace("one", "three"))
    async with files.reloader() as reloader:
        results = await asyncio.gather(*(reloader.reload(ReloadCause.HANGUP) for _ in range(100)))
    assert {result.generation for result in results} == {files.target.generation}
    assert files.target.history == [files.candidate.generation, files.target.generation]
    assert files.status.counts.total() <= 2


async def test_a_record_is_loaded_without_the_files(files: Files) -> None:
    first = files.candidate
    files.write("routes.yaml", ROOT.replace("one", "three"))
    (files.folder / "features" / "two.yaml").unlink()
    async with files.reloader() as reloader:
        assert (await reloader.reload(ReloadCause.FILES)).outcome == "applied"
        result = await reloader.reload(ReloadCause.ROLLBACK, first.record)
    assert (result.outcome, result.generation) == ("applied", first.generation)
    assert not files.has_changed(), "a rollback survives until a file changes"


def cold(_running: Document, new: Document) -> list[Finding]:
    return [new.sources[0].finding("SR001", "too cold", new.sources[0].between(0, 1))]


async def test_findings_about_the_change_itself_refuse_it(files: Files) -> None:
    files.loader = CandidateLoader(files.folder / "routes.yaml", texts, compare=cold)
    files.write("routes.yaml", ROOT.replace("one", "three"))
    result = await files.reload()
    assert result.outcome == "refused"
    assert "too cold" in result.findings


async def test_without_imports_no_code_runs(files: Files) -> None:
    a_module_that_exits(files)
    files.loader = CandidateLoader(files.folder / "routes.yaml", texts, imports=False)
    assert (await files.reload()).outcome == "applied"
    assert "exiting" not in sys.modules


async def test_a_swap_of_linked_folders_is_one_reload(files: Files) -> None:
    """As Kubernetes updates a mounted ConfigMap: every file is a link through ``..data``."""
    mounted = files.folder / "mounted"
    for number, name in enumerate(("one", "two")):
        data = mounted / f"..{number}"
        data.mkdir(parents=True)
        text = ROOT.replace("one", name).replace("include: [features/*.yaml]", "")
        (data / "routes.yaml").write_text(text.replace("reloaded_jobs", "mounted_jobs"))
        (data / "t.json").write_text('{"type": "object"}')
    (mounted / "..data").symlink_to("..0")
    for name in ("routes.yaml", "t.json"):
        (mounted / name).symlink_to(f"..data/{name}")
    (mounted / "mounted_jobs.py").write_text("async def ok(payload): ...\n")
    files.loader = CandidateLoader(mounted / "routes.yaml", texts)
    first = files.loader(ReloadCause.START, None, None)
    assert first.candidate is not None, first.findings.text
    files.candidate, files.target = first.candidate, FakeTarget(first.candidate.generation)
    files.watcher.watch(first.watched)
    assert not files.has_changed()
    (mounted / "..new").symlink_to("..1")
    (mounted / "..new").replace(mounted / "..data")
    assert files.has_changed()
    result = await files.reload()
    assert (result.outcome, len(files.target.history)) == ("applied", 2)
    assert not files.has_changed()
