"""Without the extra, ``--traces`` says what to install; without the option, nothing is looked for."""

from __future__ import annotations

import pytest

from streamroute.errors import SetupError
from streamroute.ops.traces.process_traces import process_traces
from streamroute.system import extras


@pytest.fixture(autouse=True)
def _without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_absent", {"opentelemetry"})
    monkeypatch.delenv("OTEL_TRACES_EXPORTER", raising=False)


async def test_the_error_names_the_extra() -> None:
    with pytest.raises(SetupError, match=r"^traces need OpenTelemetry: pip install 'streamroute\[otel\]'$"):
        async with process_traces("link"):
            pass


@pytest.mark.parametrize("stated", [None, "off"])
async def test_traces_are_off_by_default(stated: str | None) -> None:
    async with process_traces(stated) as tracing:
        assert tracing is None
