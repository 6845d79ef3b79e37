"""The last good generations are kept whole, and nothing else is taken for one."""

from __future__ import annotations

import json
import os
import shutil
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streamroute.compiler.pipeline import check_path
from streamroute.config.document import Document
from streamroute.config.load import recording_reader
from streamroute.ops.generations.state_folder import StateFolderError
from streamroute.ops.generations.store import GenerationStore, UnknownGenerationError
from streamroute.system.file_record import FileRecord
from streamroute.system.recording import RecordedFiles

ROOT = "version: 1\nstreams: {a: {group: g}}\ninclude: [parts/*.yaml]\nmessages: {t: {schema: t.json}}\n"
PART = "version: 1\nroutes:\n"
Generation = tuple[FileRecord, Document]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project/parts").mkdir(parents=True)
    (tmp_path / "project/routes.yaml").write_text(ROOT, encoding="utf-8")
    (tmp_path / "project/t.json").write_text('{"type": "object"}', encoding="utf-8")
    return tmp_path / "project"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def generation(project: Path, *names: str) -> Generation:
    """A configuration with these routes, as it is loaded."""
    routes = [f"  - {{name: {name}, type: t, handler: streamroute.handlers.log}}\n" for name in names]
    (project / "parts/b.yaml").write_text(PART + "".join(routes), encoding="utf-8")
    reader = recording_reader(project)
    document = check_path(project, imports=False, files=reader).document
    assert document is not None
    return reader.record(), document


def hashes(store: GenerationStore) -> list[str]:
    listing = store.list()
    assert listing.problems == []
    return [each.generation for each in listing.generations]


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def folder_of(state: Path, document: Document) -> Path:
    return state / "generations" / document.generation


def test_a_generation_is_kept_whole(project: Path, state: Path) -> None:
    record, document = generation(project, "one")
    GenerationStore(state).add(record, document)
    shutil.rmtree(project)
    loaded = GenerationStore(state).load(document.generation[:4])
    assert loaded.record == record
    again = check_path(loaded.record.path, imports=False, files=RecordedFiles(loaded.record))
    assert again.findings == ()
    assert again.document is not None
    assert again.document.generation == document.generation


def test_people_can_read_it(project: Path, state: Path) -> None:
    record, document = generation(project, "one")
    GenerationStore(state).add(record, document)
    files = sorted(path.name for path in (folder_of(state, document) / "files").iterdir())
    assert [name.partition("-")[2] for name in files] == ["routes.yaml", "b.yaml", "t.json"]
    assert (folder_of(state, document) / "files" / files[0]).read_text(encoding="utf-8") == ROOT
    index = json.loads((folder_of(state, document) / "index.json").read_bytes())
    assert index["files"][0]["path"] == str(project / "routes.yaml")


def test_only_this_user_can_read_it(project: Path, state: Path) -> None:
    """Files may hold passwords."""
    GenerationStore(state).add(*generation(project, "one"))
    for path in (state, *state.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_newest_is_first_with_what_changed(project: Path, state: Path) -> None:
    store = GenerationStore(state)
    first, second = generation(project, "one"), generation(project, "one", "two")
    store.add(*first)
    store.add(*second)
    newest, oldest = store.list().generations
    assert (newest.generation, newest.before) == (second[1].generation, first[1].generation)
    assert str(newest.changes) == "1 route added: two"
    assert (oldest.generation, oldest.before, oldest.changes) == (first[1].generation, None, None)


def test_one_that_is_used_again_is_the_newest_again(project: Path, state: Path) -> None:
    store = GenerationStore(state)
    first, second = generation(project, "one"), generation(project, "one", "two")
    for each in (first, second, first):
        store.add(*each)
    newest, other = store.list().generations
    assert (newest.generation, other.generation) == (first[1].generation, second[1].generation)
    assert str(newest.changes) == "1 route removed: two"
    assert store.previous(newest.generation).stored == other


def test_a_restart_keeps_the_time(project: Path, state: Path) -> None:
    one = generation(project, "one")
    GenerationStore(state).add(*one)
    before = GenerationStore(state).list()
    GenerationStore(state).add(*one)
    assert GenerationStore(state).list() == before


def test_the_order_is_that_of_use_if_the_clock_is_set_back(project: Path, state: Path) -> None:
    times = iter([datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)])
    store = GenerationStore(state, now=lambda: next(times))
    first, second = generation(project, "one"), generation(project, "two")
    store.add(*first)
    store.add(*second)
    assert hashes(store) == [second[1].generation, first[1].generation]


def test_the_last_ones_are_kept(project: Path, state: Path) -> None:
    store = GenerationStore(state, kept=3)
    added = [generation(project, f"r{number}") for number in range(5)]
    for each in added:
        store.add(*each)
    expected = [document.generation for _, document in reversed(added[2:])]
    assert hashes(store) == expected
    assert sorted(names_in(state / "generations")) == sorted(expected)


def test_configurations_that_share_a_folder_have_histories_of_their_own(project: Path, state: Path) -> None:
    """Going back to a generation of another service would exchange the services."""
    other = project.parent / "other"
    shutil.copytree(project, other)
    own_store, other_store = (
        GenerationStore(state, folder / "routes.yaml", kept=2) for folder in (project, other)
    )
    own = [generation(project, "one"), generation(project, "two")]
    others = [generation(other, name) for name in ("three", "four", "five")]
    for store, added in ((own_store, own[0]), (other_store, others[0]), (own_store, own[1])):
        store.add(*added)
    for added in others[1:]:
        other_store.add(*added)
    assert hashes(own_store) == [document.generation for _, document in reversed(own)]
    assert hashes(other_store) == [document.generation for _, document in reversed(others[1:])]
    assert own_store.list().generations[0].before == own[0][1].generation
    assert own_store.previous(own[1][1].generation).record == own[0][0]
    with pytest.raises(UnknownGenerationError, match="no stored generation starts with"):
        own_store.load(others[1][1].generation)
    assert GenerationStore(state).load(others[1][1].generation).record == others[1][0]


def test_a_generation_is_found_by_the_start_of_its_hash(project: Path, state: Path) -> None:
    store = GenerationStore(state)
    added = [generation(project, f"r{number}") for number in range(10)]
    for each in added:
        store.add(*each)
    with pytest.raises(UnknownGenerationError, match='several stored generations start with ""'):
        store.load("")
    with pytest.raises(UnknownGenerationError, match=f'no stored .* "x"; stored: .*{added[0][1].generation}'):
        store.load("x")
    assert store.load(added[3][1].generation.upper()).record == added[3][0]


def test_nothing_is_stored_yet(state: Path) -> None:
    store = GenerationStore(state)
    assert store.list() == ([], [])
    with pytest.raises(UnknownGenerationError, match=r'no stored generation starts with "abc"$'):
        store.load("abc")
    with pytest.raises(UnknownGenerationError, match="no earlier generation is stored"):
        store.previous("abc")
    assert not state.exists()


def test_odd_paths_are_kept(tmp_path: Path, state: Path) -> None:
    """A file's name may be anything; it never leads out of the store."""
    folder = tmp_path / "odd"
    folder.mkdir()
    names = [
        "..yaml",
        "a b.yaml",
        "é.yaml",
        os.fsdecode(b"\xff.yaml"),
        f"{'x' * 200}.yaml",
        "-rf.yaml",
        "a\nb.yaml",
    ]
    (folder / "routes.yaml").write_text('version: 1\nstreams: {a: }\ninclude: ["*.yaml", ".*.yaml"]\n')
    for name in names:
        (folder / name).write_text("version: 1\n")
    reader = recording_reader(folder)
    document = check_path(folder, imports=False, files=reader).document
    assert document is not None
    GenerationStore(state).add(reader.record(), document)
    assert len(reader.record().files) == len(names) + 1
    assert GenerationStore(state).load(document.generation).record == reader.record()


def test_several_processes_add_at_the_same_time(project: Path, state: Path) -> None:
    """Each store is as another process's: the lock belongs to the open folder."""

    def add_often(record: FileRecord, document: Document) -> None:
        for _ in range(5):
            GenerationStore(state).add(record, document)

    added = [generation(project, f"r{number}") for number in range(4)]
    threads = [threading.Thread(target=add_often, args=each) for each in added]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(hashes(GenerationStore(state))) == sorted(document.generation for _, document in added)
    for record, document in added:
        assert GenerationStore(state).load(document.generation).record == record


# What others did to the folder


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _link(path: Path) -> None:
    path.rename(path.with_name("target"))
    path.symlink_to("target")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(10**12)


def _deep(path: Path) -> None:
    path.write_bytes(b"[" * 100_000)


DAMAGES = [_truncate, _link, _pipe, _folder, _huge, _deep, Path.unlink]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", ["index.json", "used.json", "files/0001-routes.yaml", "outline.json"])
def test_a_damaged_generation_is_reported_in_one_line(
    project: Path, state: Path, name: str, damage: Callable[[Path], None]
) -> None:
    first, second = generation(project, "one"), generation(project, "one", "two")
    store = GenerationStore(state)
    store.add(*first)
    damage(folder_of(state, first[1]) / name)
    reasons = list(store.list().problems)
    if name in {"index.json", "files/0001-routes.yaml"}:
        with pytest.raises(StateFolderError) as refused:
            store.load(first[1].generation)
        reasons.append(str(refused.value))
    assert [reason.count("\n") for reason in reasons] == [0] * (name != "outline.json")
    store.add(*second)
    store.add(*first)
    assert hashes(store)[0] == first[1].generation
    assert store.load(first[1].generation).record == first[0]


@pytest.mark.parametrize(
    "name", ["../../secret", "..", "/etc/hostname", "a/b", "", ".", "0001-routes.yaml\0"]
)
def test_an_index_cannot_name_a_file_elsewhere(project: Path, state: Path, name: str) -> None:
    record, document = generation(project, "one")
    GenerationStore(state).add(record, document)
    path = folder_of(state, document) / "index.json"
    index = json.loads(path.read_bytes())
    index["files"][0]["name"] = name
    path.write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(StateFolderError, match="its index is damaged"):
        GenerationStore(state).load(document.generation)


def test_a_generation_under_the_name_of_another_is_refused(project: Path, state: Path) -> None:
    """Else a rollback would run another configuration than the one that it names."""
    added = [generation(project, "one"), generation(project, "one", "two")]
    store = GenerationStore(state)
    for each in added:
        store.add(*each)
    one, two = (folder_of(state, document) for _, document in added)
    other = one.rename(one.with_name("other"))
    two.rename(one)
    other.rename(two)
    for _, document in added:
        with pytest.raises(StateFolderError, match=f"{document.generation} cannot be used: .*of another"):
            store.load(document.generation)
    store.add(*added[0])
    assert store.load(added[0][1].generation).record == added[0][0]


def test_other_names_are_skipped(project: Path, state: Path) -> None:
    record, document = generation(project, "one")
    store = GenerationStore(state)
    store.add(record, document)
    (state / "generations/\x1b[31mred\n").mkdir()
    (state / "generations/0123456789ab").symlink_to(folder_of(state, document))
    listing = store.list()
    assert [each.generation for each in listing.generations] == [document.generation]
    assert len(listing.problems) == 2
    assert not any(set(problem) & set("\x1b\n") for problem in listing.problems)


def test_a_folder_full_of_other_things_is_reported_briefly(state: Path) -> None:
    for number in range(100):
        (state / f"generations/{number}").mkdir(parents=True)
    assert len(GenerationStore(state).list().problems) == 20


def test_what_a_crash_left_is_removed(project: Path, state: Path) -> None:
    store = GenerationStore(state)
    store.add(*generation(project, "one"))
    (state / "generations/.new-0123").mkdir()
    (state / "generations/.old-0123").mkdir()
    assert store.list().problems == []
    store.add(*generation(project, "two"))
    assert not list((state / "generations").glob(".*"))


@pytest.mark.parametrize("kind", ["link", "file", "pipe"])
def test_a_folder_that_is_none_is_refused(project: Path, state: Path, tmp_path: Path, kind: str) -> None:
    state.mkdir()
    (tmp_path / "elsewhere").mkdir()
    path = state / "generations"
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "file":
        path.touch()
    else:
        os.mkfifo(path)
    with pytest.raises(StateFolderError, match=r"link, or not a folder|File exists"):
        GenerationStore(state).add(*generation(project, "one"))
    with pytest.raises(StateFolderError, match="link, or not a folder"):
        GenerationStore(state).list()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize("part", ["generations", "generations/{}"])
def test_what_belongs_to_another_user_is_not_used(project: Path, state: Path, part: str) -> None:
    record, document = generation(project, "one")
    store = GenerationStore(state)
    store.add(record, document)
    os.chown(state / part.format(document.generation), 12345, -1)
    with pytest.raises((StateFolderError, UnknownGenerationError), match=r"another user|no stored"):
        store.load(document.generation)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_folder_that_another_user_planted_in_a_shared_folder_is_refused(
    project: Path, tmp_path: Path
) -> None:
    """As /tmp/streamroute-1000, which anybody may create first."""
    shared = tmp_path / "shared"
    (shared / "streamroute-0").mkdir(parents=True)
    shared.chmod(0o1777)
    os.chown(shared / "streamroute-0", 12345, -1)
    with pytest.raises(StateFolderError, match="streamroute-0 belongs to another user"):
        GenerationStore(shared / "streamroute-0/abc").add(*generation(project, "one"))
    assert list((shared / "streamroute-0").iterdir()) == []


def test_a_folder_that_others_may_write_to_is_closed(project: Path, state: Path) -> None:
    """Kubernetes gives the group all rights on a volume."""
    store = GenerationStore(state)
    store.add(*generation(project, "one"))
    (state / "generations").chmod(0o2777)
    store.list()
    assert stat.S_IMODE((state / "generations").stat().st_mode) == 0o700


def test_a_full_disk_leaves_what_was_there(
    project: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = GenerationStore(state)
    first = generation(project, "one")
    store.add(*first)
    written = os.fsync
    calls = iter(range(100))

    def full(descriptor: int) -> None:
        if next(calls) == 2:
            raise OSError(28, "No space left on device")
        written(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateFolderError, match="cannot be used: No space left on device"):
        store.add(*generation(project, "two"))
    monkeypatch.undo()
    assert hashes(store) == [first[1].generation]
    assert names_in(state / "generations") == [first[1].generation]


def test_a_place_where_no_folder_can_be_is_refused(project: Path) -> None:
    with pytest.raises(StateFolderError, match="/proc/none/generations cannot be used: No such file"):
        GenerationStore(Path("/proc/none")).add(*generation(project, "one"))


def test_another_process_that_does_not_end_is_not_waited_for(
    project: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = GenerationStore(state, patience=0.05)
    store.add(*generation(project, "one"))
    with store.opened(), pytest.raises(StateFolderError, match="another process is using it"):
        store.list()


def test_no_descriptor_is_left_open(project: Path, state: Path) -> None:
    store = GenerationStore(state)
    one = generation(project, "one")
    before = len(names_in(Path("/dev/fd")))
    for _ in range(3):
        store.add(*one)
        store.load(one[1].generation)
        with pytest.raises(UnknownGenerationError):
            store.load("x")
    assert len(names_in(Path("/dev/fd"))) == before
    assert timedelta(0) <= datetime.now(UTC) - store.list().generations[0].time
