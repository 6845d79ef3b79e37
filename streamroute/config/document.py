"""The trusted document: what a configuration says, typed, with every default in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from streamroute.config.findings.quoting import hide_secrets
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
    """Where the streams are; ``url`` may hold a password, which its repr does not show."""

    url: str = EMBEDDED
    location: SourceLocation | None = None

    @property
    def url_in_file(self) -> str | None:
        """The URL as it stands in the file, where it has variables that gave more than the file says."""
        written = self.location.source.value(self.location.path) if self.location is not None else None
        if not has_variable(written) or self.url in (written, EMBEDDED):
            return None
        return None if is_default(str(written), self.url) else str(written)

    def __repr__(self) -> str:
        return f"RedisConfig({hide_secrets(self.url_in_file or self.url)!r})"


class StreamConfig(NamedTuple):
    """How one stream is consumed; ``lease``, ``stall``, ``claim_interval`` and ``grace`` are in seconds.

    ``formerly_group`` is the name that the group had before, or None. ``stall`` is how long the event loop
    may be unresponsive before the heartbeat gives up what the worker holds. ``on_stuck`` says whether the
    worker goes on serving, or ends its process, when a handler goes on although it was cancelled.
    ``order_by`` is an expression that gives the key by which messages are ordered.
    ``trim`` is the seconds for which entries are kept that every group has finished with; None: for ever.
    ``unresolved_keys`` are the keys whose value comes from an unset variable: they hold defaults, which no
    rule may compare with anything.
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

    def display(self, key: str) -> str:
        """A setting as a finding may show it: of what a variable gave, only what is written in the file."""
        written = self.location.value(key)
        if has_variable(written):
            return str(written)
        if key == "dead_letter" and self.dead_letter == GroupKeys.of(self.name, self.group).dead:
            return GroupKeys.of(self.name, self.display("group")).dead
        value = getattr(self, key)
        return format_duration(value) if isinstance(value, (int, float)) else str(value)


class DedupeConfig(NamedTuple):
    """A route runs once for each value of ``key``, an expression; ``ttl`` is in seconds."""

    key: str
    ttl: float


class RouteConfig(NamedTuple):
    """Which messages go to which handler; ``timeout`` is in seconds.

    ``formerly`` are the names that the route had before: it takes over what waits under them.
    ``types`` may hold patterns over the catalogue, which the compiler expands.
    ``streams`` is empty where the route names none and there is not exactly one. ``retry`` holds what the
    route itself says of its policy; ``policy_for`` gives the whole. ``invalid_keys`` are the keys whose
    value is invalid, and replaced by the default; a finding reports each.
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
    description: str = ""
    tags: tuple[str, ...] = ()
    invalid_keys: frozenset[str] = frozenset()

    @property
    def ignores_filter_errors(self) -> bool:
        """Whether a message on which the filter fails does not match; else it is dead-lettered."""
        return self.on_filter_error == "no_match"

    @property
    def stated(self) -> Mapping[str, Any]:
        """The route as its file has it, without defaults."""
        here: Any = self.location.source.data
        for step in self.location.path:
            here = here[step]
        found: Mapping[str, Any] = here
        return found

    def policy_for(self, stream: StreamConfig) -> RetryPolicy:
        """The retry policy of this route on a stream: key by key its own, else the stream's."""
        return replace(stream.retry, **self.retry) if self.retry else stream.retry


class Document(NamedTuple):
    """A whole configuration: the root file and all that it includes, in order.

    ``path`` is the root file's, as the user would write it. ``allow`` is None where handlers of any
    module may be named. ``messages`` is the catalogue, empty where there is none. ``reader`` reads what
    belongs to it beside its own files.
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

    @property
    def location(self) -> SourceLocation:
        """The root file's own place: ``at`` ("container",) or ("handlers", "allow") stands below it."""
        return SourceLocation(self.sources[0])

    @property
    def folder(self) -> Path:
        """The folder of the root file; relative paths and the user's own modules are found from there."""
        return Path(self.path).absolute().parent

    @property
    def generation(self) -> str:
        """A short name for what the files say: another text, another generation."""
        import hashlib  # what runs asks for it, a check does not

        digest = hashlib.sha256()
        for source in self.sources:
            digest.update(hashlib.sha256(source.text.encode()).digest())
        return digest.hexdigest()[:12]

    def location_of(self, stream: StreamConfig, key: str) -> SourceLocation:
        """Where a key of a stream stands: in the stream itself, or in the defaults."""
        return (
            SourceLocation(self.sources[0], ("defaults",))
            if stream.location.value(key) is None
            else stream.location
        )

    def stated(self, stream: StreamConfig, *keys: str) -> tuple[SourceLocation, str]:
        """The place and the key to name when keys of a stream do not go together.

        The first of them that the stream itself states; where it states none, the first in the defaults.
        """
        own = next((key for key in keys if stream.location.value(key) is not None), None)
        return (self.location_of(stream, keys[0]), keys[0]) if own is None else (stream.location, own)

    def streams_of(self, route: RouteConfig) -> list[StreamConfig]:
        """The declared streams of a route."""
        return [self.streams[name] for name in route.streams if name in self.streams]

    def served(self, stream: str) -> tuple[RouteConfig, ...]:
        """The enabled routes of a stream, in order."""
        return tuple(route for route in self.routes if route.enabled and stream in route.streams)
