"""Traces are on if the command line or the environment says so."""

from __future__ import annotations

import pytest

from streamroute.ops.traces.mode import TraceMode, trace_mode


@pytest.mark.parametrize(
    ("stated", "env", "mode"),
    [
        (None, {}, TraceMode.OFF),
        ("child", {}, TraceMode.CHILD),
        ("link", {"OTEL_TRACES_EXPORTER": "none"}, TraceMode.LINK),
        (None, {"OTEL_TRACES_EXPORTER": "otlp"}, TraceMode.LINK),
        (None, {"OTEL_TRACES_EXPORTER": " None "}, TraceMode.OFF),
        (None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, TraceMode.OFF),
        ("off", {"OTEL_TRACES_EXPORTER": "otlp"}, TraceMode.OFF),
        ("link", {"OTEL_SDK_DISABLED": "TRUE"}, TraceMode.OFF),
        ("link", {"OTEL_SDK_DISABLED": "false"}, TraceMode.LINK),
    ],
)
def test_the_option_comes_before_the_environment(
    stated: str | None, env: dict[str, str], mode: TraceMode
) -> None:
    assert trace_mode(stated, env) is mode
