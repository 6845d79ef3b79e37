"""A worker's app replaces its generation by that of a record of files."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from reload_fakes import FakeLoader, record
from streamroute.errors import SetupError
from streamroute.ops.reload.candidate import ReloadRefusedError
from streamroute.ops.reload.loaded import Loaded
from streamroute.ops.reload.patient_thread import CrashedThreadError, PatientThread
from streamroute.ops.workers.generations.app_swap import AppSwap


class FakeApp:
    """Records what it is asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.error: Exception | None = None

    async def prepare(self, document: Any, compiled: Any) -> Any:
        assert document is None
        assert compiled is None
        if self.error is not None:
            raise self.error
        self.calls.append("prepare")
        return SimpleNamespace(generation=SimpleNamespace(name="b", document="its document"))

    def commit(self, prepared: Any) -> None:
        self.calls.append(f"commit {prepared.generation.name}")

    async def discard(self, prepared: Any) -> None:
        self.calls.append(f"discard {prepared.generation.name}")


def swap_of(app: Any, loader: Any) -> AppSwap:
    return AppSwap(app, loader, PatientThread[Loaded]("streamroute reload", 60.0), app.calls.append)


async def test_a_record_is_loaded_in_a_thread_and_prepared_by_the_app() -> None:
    app, loader = FakeApp(), FakeLoader()
    swap = swap_of(app, loader)
    prepared = await swap.prepare(record("b"))
    assert swap.generation_of(prepared) == "b"
    swap.commit(prepared)
    await swap.discard(prepared)
    assert app.calls == ["prepare", "commit b", "its document", "discard b"]


async def test_a_record_with_errors_is_refused_with_its_findings() -> None:
    app = FakeApp()
    with pytest.raises(ReloadRefusedError) as caught:
        await swap_of(app, FakeLoader()).prepare(record("bad handler"))
    assert str(caught.value) == "1 error in routes.yaml; routes.yaml:1:1: error: bad handler"
    assert app.calls == []


async def test_what_the_app_or_the_loader_raises_is_passed_on() -> None:
    app, loader = FakeApp(), FakeLoader()
    app.error = SetupError("the container failed")
    with pytest.raises(SetupError, match="the container failed"):
        await swap_of(app, loader).prepare(record("b"))
    loader.error = SystemExit(3)
    with pytest.raises(CrashedThreadError, match="SystemExit: 3"):
        await swap_of(app, loader).prepare(record("b"))
