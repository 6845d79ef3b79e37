"""A compiled document: its checked routes, its findings, and the routers built from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from streamroute.compiler.checked_route import CheckedRoute, RuntimeContext
from streamroute.compiler.router_builder import build_routers
from streamroute.config.document import Document, RouteConfig
from streamroute.config.findings.finding import Finding
from streamroute.core.router import RedisRouter

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.compiler.validation.data_check import Check
    from streamroute.config.messages.catalog import MessageSchema


@dataclass(frozen=True)
class Compiled:
    """A compiled document with the compiler's findings, unsorted.

    ``container`` is the user's factory, or None; ``codecs`` are the user's own, by stream. Run nothing if a
    finding is an error.
    """

    document: Document
    findings: tuple[Finding, ...]
    routes: tuple[CheckedRoute, ...] = field(repr=False)
    container: Callable[[], Any] | None = None
    codecs: Mapping[str, Codec] = field(default_factory=dict)
    _known_checks: dict[MessageSchema, Check] = field(default_factory=dict, repr=False)

    @cached_property
    def routers(self) -> dict[str, list[RedisRouter]]:
        """Build the routers of each stream, one for each file with routes for it, in the order of the files.

        Raises SetupError if a handler was not resolved, because of an error or without imports.
        """
        return self.routers_in(RuntimeContext())

    def routers_in(self, runtime: RuntimeContext) -> dict[str, list[RedisRouter]]:
        """Build the routers for an app that provides ``runtime``. Raises the same errors as ``routers``."""
        return {
            name: build_routers(
                self._live(name), stream, runtime, self.checks(name), self.codecs.get(name, stream.codec)
            )
            for name, stream in self.document.streams.items()
        }

    @property
    def codecs_by_stream(self) -> dict[str, Codec | str]:
        """The codec of each stream: the user's own, or the name of a built-in one."""
        return {name: self.codecs.get(name, stream.codec) for name, stream in self.document.streams.items()}

    def with_container(self, container: Any) -> Self:
        """Return the configuration with a container of the caller, who closes it."""
        return replace(self, container=lambda: nullcontext(container))

    def names(self, stream: str) -> list[str]:
        """The names of the routes that consume a stream, in order."""
        return [route.config.name for route in self._live(stream)]

    def shadows(self, stream: str) -> list[RouteConfig]:
        """The enabled shadow routes of a stream, in order, with expanded type patterns."""
        routes = (route.config for route in self.routes)
        return [route for route in routes if route.shadow and route.enabled and stream in route.streams]

    def checks(self, stream: str) -> Mapping[str, Check]:
        """The data check of each type that the stream's routes accept; empty without ``validate``."""
        if not self.document.streams[stream].validate:
            return {}
        types = {name for route in self._live(stream) for name in route.config.types}
        schemas = {name: message.schema for name, message in self.document.messages.items() if name in types}
        return {name: self._check(schema) for name, schema in schemas.items() if schema is not None}

    def _check(self, schema: MessageSchema) -> Check:
        from streamroute.compiler.validation.data_check import data_check

        if schema not in self._known_checks:
            self._known_checks[schema] = data_check(schema)
        return self._known_checks[schema]

    def _live(self, stream: str) -> Iterator[CheckedRoute]:
        return (route for route in self.routes if route.config.is_live and stream in route.config.streams)
