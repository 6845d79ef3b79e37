"""The app as a target: a candidate that cannot be prepared is refused, and nothing is committed."""

from __future__ import annotations

from typing import Any

import pytest

from reload_fakes import candidate
from streamroute.errors import SetupError
from streamroute.ops.reload.app_target import AppTarget
from streamroute.ops.reload.candidate import ReloadRefusedError


class FakeApp:
    """Prepares a generation, or raises an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.generation = "a"
        self.committed: list[object] = []
        self.error = error

    async def prepare(self, document: object, compiled: object) -> object:
        if self.error is not None:
            raise self.error
        return "prepared"

    def commit(self, prepared: object) -> None:
        self.committed.append(prepared)
        self.generation = "b"


def target_of(app: FakeApp) -> AppTarget:
    any_app: Any = app
    return AppTarget(any_app)


async def test_a_prepared_candidate_is_committed() -> None:
    app = FakeApp()
    target = target_of(app)
    await target.apply(candidate("b"))
    assert (app.committed, target.generation) == (["prepared"], "b")


async def test_a_candidate_that_cannot_be_prepared_is_refused() -> None:
    app = FakeApp(SetupError("container shop.build failed: ValueError: no DSN"))
    with pytest.raises(ReloadRefusedError, match="no DSN"):
        await target_of(app).apply(candidate("b"))
    assert app.committed == []
