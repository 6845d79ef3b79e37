"""Build the document from the checked data of a configuration's files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from streamroute.config.document import (
    DEFAULT_TIMEOUT,
    EMBEDDED,
    CanaryConfig,
    DedupeConfig,
    Document,
    PauseWhen,
    RedisConfig,
    RouteConfig,
    StopAt,
    StreamConfig,
)
from streamroute.config.schema.pruning import INVALID
from streamroute.config.schema.replaced_values import has_variable
from streamroute.config.yaml.source import SourceFile, SourceLocation
from streamroute.durations import RetryPolicy, parse_duration
from streamroute.keys import GroupKeys
from streamroute.system.files import FileReader

if TYPE_CHECKING:
    from streamroute.config.messages.catalog import MessageConfig

_STALL_LEASES: Final = 5
"""Default of ``stall``, in leases."""

CheckedFile = tuple[SourceFile, Mapping[str, Any]]
"""A file and its usable data; paths are the same in both."""


def build_document(
    files: Sequence[CheckedFile],
    messages: Mapping[str, MessageConfig] = MappingProxyType({}),
    *,
    reader: FileReader,
    knows_streams: bool = True,
) -> Document:
    """Build the document of ``files``: the root file, which comes first, and its includes.

    The data must be valid under the schema, except for values that are ``INVALID``. If ``knows_streams`` is
    false, the streams of the routes are unknown.
    """
    root, data = files[0]
    streams = _streams(root, data)
    invalid_keys = frozenset() if knows_streams else frozenset({"stream"})
    return Document(
        path=root.path,
        redis=RedisConfig(data.get("redis", {}).get("url", EMBEDDED), SourceLocation(root, ("redis", "url"))),
        container=data.get("container"),
        streams=MappingProxyType(streams),
        routes=tuple(_routes(files, tuple(streams), invalid_keys)),
        allow=_allow(data),
        redact=tuple(path for path in data.get("redact", ()) if path is not INVALID),
        sources=tuple(source for source, _ in files),
        reader=reader,
        messages=MappingProxyType(dict(messages)),
    )


def _allow(data: Mapping[str, Any]) -> tuple[str, ...] | None:
    allowed = data.get("handlers", {}).get("allow")
    return None if allowed is None else tuple(allowed)


# Streams


def _streams(root: SourceFile, data: Mapping[str, Any]) -> dict[str, StreamConfig]:
    defaults = data.get("defaults", {})
    return {
        name: _stream(name, defaults, settings or {}, SourceLocation(root, ("streams", name)))
        for name, settings in data.get("streams", {}).items()
    }


def _stream(
    name: str, defaults: Mapping[str, Any], stream_settings: Mapping[str, Any], location: SourceLocation
) -> StreamConfig:
    settings = {**defaults, **stream_settings}
    retry = {**_retry(defaults.get("retry", {})), **_retry(stream_settings.get("retry", {}))}
    group = settings.get("group", "streamroute")
    lease = parse_duration(settings.get("lease", "60s"))
    stall = settings.get("stall")
    return StreamConfig(
        name=name,
        group=group,
        formerly_group=settings.get("formerly_group"),
        codec=settings.get("codec", "json"),
        concurrency=int(settings.get("concurrency", 32)),
        lease=lease,
        stall=_STALL_LEASES * lease if stall is None else parse_duration(stall),
        claim_interval=parse_duration(settings.get("claim_interval", "5s")),
        max_deliveries=int(settings.get("max_deliveries", 5)),
        grace=parse_duration(settings.get("grace", "30s")),
        on_stuck=settings.get("on_stuck", "keep"),
        retry=RetryPolicy(**retry),
        dead_letter=GroupKeys.of(name, group, settings.get("dead_letter")).dead,
        unknown_type=settings.get("unknown_type", "ack"),
        validate=settings.get("validate", False),
        trim=_trim(settings.get("trim")),
        order_by=settings.get("order_by"),
        location=location,
        pause_when=_pause_when(settings.get("pause_when")),
        unresolved_keys=_unresolved_keys(location.source.value(location.path), stream_settings),
    )


def _unresolved_keys(raw: Any, expanded: Mapping[str, Any]) -> frozenset[str]:
    """Return the keys of a stream whose variables have no usable value."""
    if has_variable(raw):
        return frozenset(StreamConfig._fields)
    pairs = raw.items() if isinstance(raw, dict) else ()
    return frozenset(key for key, value in pairs if _is_unresolved(value, expanded.get(key)))


def _is_unresolved(raw: Any, expanded: Any) -> bool:
    if isinstance(raw, dict):
        inner = expanded if isinstance(expanded, dict) else {}
        return any(_is_unresolved(value, inner.get(key)) for key, value in raw.items())
    return expanded is None and has_variable(raw)


def _trim(settings: Mapping[str, Any] | None) -> float | None:
    if not settings:
        return None
    return 0.0 if settings["keep"] == "acked" else parse_duration(settings["keep"])


_RETRY_TYPES: Final[Mapping[str, Any]] = {
    "max_attempts": int,
    "delay": parse_duration,
    "multiplier": float,
    "max_delay": parse_duration,
    "jitter": float,
}


def _retry(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _RETRY_TYPES[key](value) for key, value in settings.items()}


# Routes


def _routes(
    files: Sequence[CheckedFile], streams: tuple[str, ...], invalid_keys: frozenset[str]
) -> Iterable[RouteConfig]:
    only = streams if len(streams) == 1 else ()
    for source, data in files:
        for at, settings in enumerate(data.get("routes", ())):
            if settings is not None:
                yield _route(settings, only, SourceLocation(source, ("routes", at)), invalid_keys)


def _route(
    settings: Mapping[str, Any], only: tuple[str, ...], location: SourceLocation, invalid_keys: frozenset[str]
) -> RouteConfig:
    if invalid_keys or INVALID in settings.values():
        invalid_keys = invalid_keys.union(key for key, value in settings.items() if value is INVALID)
        settings = {key: value for key, value in settings.items() if key not in invalid_keys}
        only = () if "stream" in invalid_keys else only
    timeout = settings.get("timeout")
    return RouteConfig(
        name=settings.get("name", ""),
        streams=_names(settings["stream"]) if "stream" in settings else only,
        types=_names(settings.get("type", ())),
        handler=settings.get("handler", ""),
        location=location,
        formerly=_names(settings.get("formerly", ())),
        filter=settings.get("filter"),
        transform=settings.get("transform"),
        arguments=settings.get("with", {}),
        timeout=DEFAULT_TIMEOUT if timeout is None else parse_duration(timeout),
        retry=_retry(settings.get("retry", {})),
        dedupe=_dedupe(settings.get("dedupe")),
        pause_when=_pause_when(settings.get("pause_when")),
        on_filter_error=settings.get("on_filter_error", "dead_letter"),
        enabled=settings.get("enabled", True),
        shadow=settings.get("shadow", False),
        canary=_canary(settings.get("canary")),
        instead_of=settings.get("instead_of"),
        description=settings.get("description", ""),
        tags=tuple(settings.get("tags", ())),
        invalid_keys=invalid_keys,
    )


def _dedupe(settings: Mapping[str, Any] | None) -> DedupeConfig | None:
    return DedupeConfig(settings["key"], parse_duration(settings["ttl"])) if settings else None


def _pause_when(settings: Mapping[str, Any] | None) -> PauseWhen | None:
    if not settings:
        return None
    within, lasts = settings.get("within", "1m"), settings.get("for", "5m")
    return PauseWhen(int(settings["failures"]), parse_duration(within), parse_duration(lasts))


def _canary(settings: Mapping[str, Any] | None) -> CanaryConfig | None:
    if not settings:
        return None
    return CanaryConfig(float(settings["percent"]), settings["key"], _stop_at(settings.get("stop_at")))


def _stop_at(settings: Mapping[str, Any] | None) -> StopAt | None:
    if settings is None:
        return None
    return StopAt(
        _percent(settings.get("dead")), _percent(settings.get("retry")), int(settings.get("of", 200))
    )


def _percent(value: str | None) -> float | None:
    return None if value is None else float(value.removesuffix("%"))


def _names(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
