"""The workers' configurations: their routes, as YAML and as facts for the verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from deploy_load import CHANGED, PLACED, Sent
from producer import GROUP, STREAM

_CONFIG = """\
version: 1
redis:
  url: ${{FAULTS_URL}}
streams:
  {stream}:
    group: {group}
    codec: {codec}
    concurrency: 32
    lease: {lease}s
    claim_interval: 0.5s
    max_deliveries: 4
    grace: 3s
    retry: {{max_attempts: {max_attempts}, delay: 400ms, multiplier: 1.5, jitter: 0.2}}
{stream_options}routes:
{routes}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """A route of a test configuration.

    ``tiers`` are those that its filter accepts (None: all); with ``only_failing`` the filter accepts messages
    that fail at first. With ``fails`` its handler fails as often as the message says.
    """

    name: str
    kinds: tuple[str, ...] = (PLACED, CHANGED)
    tiers: tuple[str, ...] | None = None
    only_failing: bool = False
    fails: bool = True
    handler: str = "deploy_effects.effect"
    formerly: tuple[str, ...] = ()
    dedupe: bool = False

    def accepts(self, message: Sent) -> bool:
        """Whether the message is for this route."""
        return (
            message.kind in self.kinds
            and (self.tiers is None or message.tier in self.tiers)
            and (message.fails > 0 or not self.only_failing)
        )

    def yaml(self) -> str:
        """The route in routes.yaml."""
        filters = [] if self.tiers is None else [f"contains({list(self.tiers)}, tier)"]
        filters += ["fails > `0`"] if self.only_failing else []
        lines = [
            f"name: {self.name}",
            f"type: [{', '.join(self.kinds)}]",
            f"handler: {self.handler}",
            f"with: {{route: {self.name}, fails: {str(self.fails).lower()}}}",
        ]
        lines += [f'filter: "{" && ".join(filters)}"'] if filters else []
        lines += [f"formerly: [{', '.join(self.formerly)}]"] if self.formerly else []
        lines += ["dedupe: {key: item, ttl: 1h}"] if self.dedupe else []
        return "  - " + "\n    ".join(lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A configuration; ``lease`` is in seconds."""

    routes: tuple[RouteSpec, ...]
    group: str = GROUP
    formerly_group: str | None = None
    codec: str = "json"
    lease: float = 6.0
    order_by: str | None = None
    max_attempts: int = 4

    def accepting(self, message: Sent) -> frozenset[str]:
        """Return the names of the routes that accept the message."""
        return frozenset(route.name for route in self.routes if route.accepts(message))

    @property
    def names(self) -> frozenset[str]:
        """The names of its routes."""
        return frozenset(route.name for route in self.routes)

    def yaml(self) -> str:
        """Return routes.yaml."""
        options = [f"formerly_group: {self.formerly_group}"] if self.formerly_group else []
        options += [f"order_by: {self.order_by}"] if self.order_by else []
        return _CONFIG.format(
            stream=STREAM,
            group=self.group,
            codec=self.codec,
            lease=self.lease,
            max_attempts=self.max_attempts,
            stream_options="".join(f"    {option}\n" for option in options),
            routes="".join(route.yaml() for route in self.routes),
        )


RECORD: Final = RouteSpec(name="record", fails=False)
FLAKY: Final = RouteSpec(name="flaky", only_failing=True)
AUDIT: Final = RouteSpec(name="audit", tiers=("gold", "silver"))
PLAIN: Final = Setup(routes=(RECORD, FLAKY))
AUDITED: Final = Setup(routes=(RECORD, FLAKY, AUDIT))


def with_audit(**changes: object) -> Setup:
    """Return the usual configuration with these changes of the route ``audit``."""
    return replace(AUDITED, routes=(RECORD, FLAKY, replace(AUDIT, **changes)))  # type: ignore[arg-type]
