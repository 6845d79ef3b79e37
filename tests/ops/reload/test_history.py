"""The history keeps what ran; a state folder that cannot be used costs one warning, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servers import wait_until
from streamroute.ops.reload.candidate import Candidate, ReloadCause, ReloadRefusedError
from streamroute.ops.reload.history import GenerationHistory
from streamroute.ops.reload.loaded import FindingsText
from streamroute.ops.reload.loading import CandidateLoader

CONFIG = (
    "version: 1\nstreams: {events: {group: tests}}\nroutes:\n  - {name: NAME, type: t, handler: jobs.ok}\n"
)


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    threads = set(threading.enumerate())
    yield
    wait_until(lambda: set(threading.enumerate()) <= threads, "the end of all threads")


@pytest.fixture
def generation(tmp_path: Path) -> Callable[[str], Candidate]:
    """Return a function that writes a configuration with one route, and loads it."""

    def load(name: str) -> Candidate:
        (tmp_path / "routes.yaml").write_text(CONFIG.replace("NAME", name))
        loader = CandidateLoader(tmp_path / "routes.yaml", lambda *_: FindingsText(), imports=False)
        candidate = loader(ReloadCause.START, None, None).candidate
        assert candidate is not None
        return candidate

    return load


async def test_generations_are_kept_and_loaded(
    tmp_path: Path, generation: Callable[[str], Candidate]
) -> None:
    first, second = generation("one"), generation("two")
    async with GenerationHistory(tmp_path / "state", tmp_path / "routes.yaml") as history:
        history.keep(first)
        history.keep(second)
    async with GenerationHistory(tmp_path / "state", tmp_path / "routes.yaml") as history:
        assert await history.load("", second.generation) == first.record
        assert await history.load(second.generation[:6], second.generation) == second.record
        with pytest.raises(ReloadRefusedError, match='no stored generation starts with "ffff"'):
            await history.load("ffff", second.generation)


async def test_without_an_earlier_generation_there_is_no_rollback(
    tmp_path: Path, generation: Callable[[str], Candidate]
) -> None:
    only = generation("one")
    async with GenerationHistory(tmp_path / "state", tmp_path / "routes.yaml") as history:
        with pytest.raises(ReloadRefusedError, match="no earlier generation is stored"):
            await history.load("", only.generation)


async def test_a_folder_that_cannot_be_used_is_one_warning(
    tmp_path: Path, generation: Callable[[str], Candidate], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = generation("one"), generation("two")
    async with GenerationHistory(tmp_path / "routes.yaml", tmp_path / "routes.yaml") as history:
        history.keep(first)
        history.keep(second)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"generation {first.generation} is not kept for a rollback: ")


async def test_a_disk_that_hangs_is_given_up(
    tmp_path: Path,
    generation: Callable[[str], Candidate],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = threading.Event()
    monkeypatch.setattr("streamroute.ops.generations.store.GenerationStore.add", lambda *_: disk.wait(60))
    async with GenerationHistory(tmp_path / "state", tmp_path / "routes.yaml", patience=0.05) as history:
        history.keep(generation("one"))
    assert "did not end within 0.05 s" in caplog.text
    async with GenerationHistory(tmp_path / "state", tmp_path / "routes.yaml", last_steps=0.05) as history:
        history.keep(generation("two"))
    assert caplog.messages[1:] == [
        "the latest generation is not kept for a rollback: the state folder does not answer"
    ]
    disk.set()


async def test_a_full_disk_is_a_warning(
    tmp_path: Path,
    generation: Callable[[str], Candidate],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("streamroute.ops.generations.private_folder.PrivateFolder.write", write)
    async with GenerationHistory(tmp_path / "state", tmp_path / "routes.yaml") as history:
        history.keep(generation("one"))
    assert len(caplog.messages) == 1
    assert "No space left on device" in caplog.text


async def test_a_change_is_described_by_its_routes(
    tmp_path: Path, generation: Callable[[str], Candidate]
) -> None:
    history = GenerationHistory(tmp_path / "state", tmp_path / "routes.yaml")
    described = history.describe(generation("one"), generation("two"))
    assert described == "1 route added: two; 1 route removed: one"
