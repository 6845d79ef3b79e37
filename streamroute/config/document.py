"""The document: a checked configuration, typed, with all defaults applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from streamroute.config.findings.quoting import hide_secrets
from streamroute.config.findings.text_file import TextFile
from streamroute.config.schema.replaced_values import has_variable, is_default
from streamroute.config.yaml.source import SourceFile, SourceLocation
from streamroute.durations import RetryPolicy, format_duration
from streamroute.keys import GroupKeys
from streamroute.system.files import FileReader

if TYPE_CHECKING:
    from streamroute.config.messages.catalog import MessageConfig

EMBEDDED: Final = "embedded"
DEFAULT_TIMEOUT: Final = 300.0


class RedisConfig(NamedTuple):
    """The Redis server; ``url`` may contain a password, which the repr hides."""

    url: str = EMBEDDED
    location: SourceLocation | None = None

    @property
    def url_in_file(self) -> str | None:
        """The URL's text in the file if it contains variables whose values are not in the file, else None."""
        raw_text = self.location.source.value(self.location.path) if self.location is not None else None
        if not has_variable(raw_text) or self.url in (raw_text, EMBEDDED):
            return None
        return None if is_default(str(raw_text), self.url) else str(raw_text)

    def __repr__(self) -> str:
        return f"RedisConfig({hide_secrets(self.url_in_file or self.url)!r})"


class StreamConfig(NamedTuple):
    """The settings of one stream; ``lease``, ``stall``, ``claim_interval`` and ``grace`` are in seconds.

    ``formerly_group`` is the previous name of the group, or None. ``stall`` is how long the event loop may be
    unresponsive before the heartbeat gives up the worker's leases. ``on_stuck``: whether the worker continues
    (``keep``) or ends its process (``exit``) when a handler keeps running after its cancellation.
    ``order_by`` is an expression for the key by which messages are ordered.
    ``trim`` is the age in seconds, counted from the id, up to which entries that every group has finished are
    kept; None keeps them forever. ``unresolved_keys`` are the keys whose value comes from an unset variable:
    they have defaults, which rules must not compare with anything. ``pause_when`` is when each of its routes
    pauses by itself, unless the route says otherwise.
    """

    name: str
    group: str
    formerly_group: str | None
    codec: str
    concurrency: int
    lease: float
    stall: float
    claim_interval: float
    max_deliveries: int
    grace: float
    on_stuck: Literal["keep", "exit"]
    retry: RetryPolicy
    dead_letter: str
    unknown_type: Literal["ack", "dead_letter"]
    validate: bool
    trim: float | None
    order_by: str | None
    location: SourceLocation
    unresolved_keys: frozenset[str] = frozenset()
    pause_when: PauseWhen | None = None

    def display(self, key: str) -> str:
        """Return a setting for display in a finding; a value from a variable as its text in the file."""
        raw_text = self.location.value(key)
        if has_variable(raw_text):
            return str(raw_text)
        if key == "dead_letter" and self.dead_letter == GroupKeys.of(self.name, self.group).dead:
            return GroupKeys.of(self.name, self.display("group")).dead
        value = getattr(self, key)
        return format_duration(value) if isinstance(value, (int, float)) else str(value)


class DedupeConfig(NamedTuple):
    """Deduplication: the route runs once for each value of the expression ``key``; ``ttl`` is in seconds."""

    key: str
    ttl: float


class StopAt(NamedTuple):
    """When a canary is switched off: more than a percentage of its ``of`` recent messages failed.

    ``dead`` and ``retry`` are 0 to 100; None never switches it off.
    """

    dead: float | None
    retry: float | None
    of: int


class PauseWhen(NamedTuple):
    """When a route pauses by itself: ``failures`` within a time, for a time; both are in seconds."""

    failures: int
    within: float
    lasts: float

    def __str__(self) -> str:
        return f"{self.failures} within {format_duration(self.within)} for {format_duration(self.lasts)}"


class CanaryConfig(NamedTuple):
    """The share of a canary: ``percent`` (0.01 to 100) of the values of the expression ``key``."""

    percent: float
    key: str
    stop_at: StopAt | None


class RouteConfig(NamedTuple):
    """A route: which messages go to which handler; ``timeout`` is in seconds.

    ``formerly`` are the route's previous names: it takes over the work pending under them.
    ``types`` may contain patterns over the catalogue, which the compiler expands.
    ``streams`` is empty if the route names none and the number of streams is not one. ``retry`` contains only
    the route's own settings; ``policy_for`` returns the complete policy. A ``shadow`` only watches.
    ``instead_of`` is the route that a ``canary`` replaces for its share. ``invalid_keys`` are the keys whose
    invalid value was replaced by the default; a finding reports each.
    """

    name: str
    streams: tuple[str, ...]
    types: tuple[str, ...]
    handler: str
    location: SourceLocation
    formerly: tuple[str, ...] = ()
    filter: str | None = None
    transform: str | None = None
    arguments: Mapping[str, Any] = MappingProxyType({})
    timeout: float = DEFAULT_TIMEOUT
    retry: Mapping[str, Any] = MappingProxyType({})
    dedupe: DedupeConfig | None = None
    on_filter_error: str = "dead_letter"
    enabled: bool = True
    shadow: bool = False
    canary: CanaryConfig | None = None
    instead_of: str | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    invalid_keys: frozenset[str] = frozenset()
    pause_when: PauseWhen | None = None

    @property
    def line(self) -> int:
        """The line of its name in its file, from 1."""
        return self.location.source.span((*self.location.path, "name")).line

    @property
    def is_live(self) -> bool:
        """Whether its handler runs: it is enabled and not a shadow."""
        return self.enabled and not self.shadow

    @property
    def ignores_filter_errors(self) -> bool:
        """Whether a message on which the filter fails counts as no match; otherwise it is dead-lettered."""
        return self.on_filter_error == "no_match"

    @property
    def written_settings(self) -> Mapping[str, Any]:
        """The route as in its file, without defaults."""
        value: Any = self.location.source.data
        for step in self.location.path:
            value = value[step]
        settings: Mapping[str, Any] = value
        return settings

    def policy_for(self, stream: StreamConfig) -> RetryPolicy:
        """Return the route's retry policy on a stream: its own settings override the stream's key by key."""
        return replace(stream.retry, **self.retry) if self.retry else stream.retry

    def pause_when_on(self, stream: StreamConfig) -> PauseWhen | None:
        """Return when the route pauses by itself on a stream: its own setting, else the stream's."""
        return stream.pause_when if self.pause_when is None else self.pause_when


class Document(NamedTuple):
    """A whole configuration: the root file and all its includes, in order.

    ``path`` is that of the root file, as the user would write it. ``allow`` is None if handlers from any
    module are allowed. ``messages`` is the catalogue, possibly empty. ``reader`` reads the files that the
    configuration refers to, other than its includes. ``schema_files`` are the files with schemas of messages.
    ``redact`` are the paths of payload fields that are shown to nobody, for a ``PayloadRedactor``.
    """

    path: str
    redis: RedisConfig
    container: str | None
    streams: Mapping[str, StreamConfig]
    routes: tuple[RouteConfig, ...]
    allow: tuple[str, ...] | None
    sources: tuple[SourceFile, ...]
    reader: FileReader
    messages: Mapping[str, MessageConfig] = MappingProxyType({})
    schema_files: tuple[TextFile, ...] = ()
    redact: tuple[str, ...] = ()

    @property
    def location(self) -> SourceLocation:
        """The root of the root file, for findings ``at`` ("container",) or ("handlers", "allow")."""
        return SourceLocation(self.sources[0])

    @property
    def folder(self) -> Path:
        """The folder of the root file; relative paths and the user's modules are resolved from it."""
        return Path(self.reader.absolute(self.path)).parent

    @property
    def generation(self) -> str:
        """A short hash of the texts of all files: any change of a text gives another generation.

        The paths do not count, so that the same configuration in another folder is the same generation.
        """
        import hashlib  # only running needs it, not a check

        digest = hashlib.sha256(b"%d" % len(self.sources))
        for file in (*self.sources, *self.schema_files):
            digest.update(hashlib.sha256(file.text.encode()).digest())
        return digest.hexdigest()[:12]

    def location_of(self, stream: StreamConfig, key: str) -> SourceLocation:
        """Return the location that sets a key of a stream: the stream itself, or the defaults."""
        return (
            SourceLocation(self.sources[0], ("defaults",))
            if stream.location.value(key) is None
            else stream.location
        )

    def conflict_location(self, stream: StreamConfig, *keys: str) -> tuple[SourceLocation, str]:
        """Return the location and key to report when settings of a stream conflict.

        The key is the first of ``keys`` that the stream itself sets, else the first key, in the defaults.
        """
        key_of_stream = next((key for key in keys if stream.location.value(key) is not None), None)
        return (
            (self.location_of(stream, keys[0]), keys[0])
            if key_of_stream is None
            else (stream.location, key_of_stream)
        )

    def streams_of(self, route: RouteConfig) -> list[StreamConfig]:
        """Return the declared streams of a route."""
        return [self.streams[name] for name in route.streams if name in self.streams]

    def served(self, stream: str) -> tuple[RouteConfig, ...]:
        """Return the live routes of a stream, in order."""
        return tuple(route for route in self.routes if route.is_live and stream in route.streams)

    def shadows(self, stream: str) -> tuple[RouteConfig, ...]:
        """Return the enabled shadow routes of a stream, in order."""
        return tuple(
            route for route in self.routes if route.shadow and route.enabled and stream in route.streams
        )
