"""The exporters that the environment names.

Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Final

from opentelemetry.sdk.trace.export import SpanExporter

from streamroute.errors import SetupError
from streamroute.logs.exception_text import error_line
from streamroute.ops.traces.mode import EXPORTER_VARIABLE
from streamroute.text.limits import NAME
from streamroute.text.safe_text import safe_repr

_GROUP: Final = "opentelemetry_traces_exporter"
_PROTOCOL_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OTLP: Final = "otlp"
_BY_PROTOCOL: Final = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_MAX_EXPORTERS: Final = 10


def exporters_of(env: Mapping[str, str]) -> list[SpanExporter]:
    """Create the exporters of ``OTEL_TRACES_EXPORTER``: by default OTLP over HTTP.

    Their own settings, such as ``OTEL_EXPORTER_OTLP_ENDPOINT``, are those of the process. Raises SetupError
    for one that is not installed, or whose settings are not valid.
    """
    stated = env.get(EXPORTER_VARIABLE, "").strip() or _OTLP
    names = list(dict.fromkeys(name.strip() for name in stated.split(",") if name.strip()))
    if len(names) > _MAX_EXPORTERS:
        raise SetupError(f"{EXPORTER_VARIABLE} names more than {_MAX_EXPORTERS} exporters")
    return [_exporter(_entry_point_name(name, env)) for name in names if name != "none"]


def _entry_point_name(name: str, env: Mapping[str, str]) -> str:
    """Return the name under which a package declares its exporter."""
    if name != _OTLP:
        return name
    stated = [(variable, env[variable].strip()) for variable in _PROTOCOL_VARIABLES if env.get(variable)]
    variable, protocol = stated[0] if stated else ("", "http/protobuf")
    if protocol not in _BY_PROTOCOL:
        known = " and ".join(_BY_PROTOCOL)
        raise SetupError(f"{variable} is {safe_repr(protocol, NAME)}; spans can be sent by {known}")
    return _BY_PROTOCOL[protocol]


def _exporter(name: str) -> SpanExporter:
    declared = next(iter(entry_points(group=_GROUP, name=name)), None)
    if declared is None:
        raise SetupError(
            f"the exporter of spans {safe_repr(name, NAME)} is not installed; see {EXPORTER_VARIABLE}"
        )
    try:
        exporter: SpanExporter = declared.load()()
    except Exception as error:
        raise SetupError(f"cannot export spans by {safe_repr(name, NAME)}: {error_line(error)}") from error
    return exporter
