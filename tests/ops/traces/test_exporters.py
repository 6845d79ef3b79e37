"""Exporters are those that the standard variables name; a mistake is one line that names it."""

from __future__ import annotations

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

from streamroute.errors import SetupError
from streamroute.ops.traces.exporters import exporters_of


def kinds(env: dict[str, str]) -> list[type]:
    return [type(exporter) for exporter in exporters_of(env)]


def test_otlp_over_http_is_the_default() -> None:
    assert kinds({}) == [OTLPSpanExporter]
    assert kinds({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}) == [OTLPSpanExporter]


def test_several_are_separated_by_commas() -> None:
    assert kinds({"OTEL_TRACES_EXPORTER": "console, otlp,console"}) == [ConsoleSpanExporter, OTLPSpanExporter]
    assert kinds({"OTEL_TRACES_EXPORTER": "none"}) == []


@pytest.mark.parametrize(
    ("env", "error"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "the exporter of spans 'zipkin' is not installed"),
        ({"OTEL_TRACES_EXPORTER": "x" * 5000}, "is not installed"),
        ({"OTEL_TRACES_EXPORTER": ",".join(map(str, range(11)))}, "names more than 10 exporters"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_PROTOCOL is 'http/json'"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "x"}, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL is 'x'"),
    ],
)
def test_an_unknown_one_is_a_mistake_of_the_setup(env: dict[str, str], error: str) -> None:
    with pytest.raises(SetupError) as raised:
        exporters_of(env)
    assert error in str(raised.value)
    assert len(str(raised.value)) < 500


def test_settings_that_its_exporter_refuses_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER", "no\nsuch")
    with pytest.raises(
        SetupError, match="cannot export spans by 'otlp_proto_http': RuntimeError: "
    ) as raised:
        exporters_of({})
    assert "\n" not in str(raised.value)
