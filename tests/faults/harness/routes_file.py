"""The workers' routes.yaml under faults."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from producer import GROUP, KIND, MAX_ATTEMPTS, STREAM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oracle import Terms

_CONFIG = """\
version: 1
redis:
  url: ${{FAULTS_URL}}
streams:
  {stream}:
    group: {group}
{settings}
{more_streams}
routes:
  - name: record
    stream: {stream}
    type: [{kinds}]
    handler: effects.record
{dedupe}
  - name: flaky
    stream: {stream}
    type: {kind}
    filter: fails > `0`
    handler: effects.flaky
{more_routes}
"""


def routes_yaml(
    terms: Terms,
    grace: float,
    kinds: Sequence[str] = (KIND,),
    deduped: bool = False,
    settings: Mapping[str, object] = MappingProxyType({}),
    more_streams: Sequence[str] = (),
    more_routes: Sequence[str] = (),
) -> str:
    """Return the configuration with these terms; ``grace`` is in seconds, ``kinds`` are the known types.

    ``settings`` are additional settings of the stream, ``more_streams`` the names of other streams, and
    ``more_routes`` are in flow style, without their braces. With ``deduped``, the route ``record`` takes one
    message of each job, and every message without a job.
    """
    usual: dict[str, object] = {
        "concurrency": 32,
        "lease": f"{terms.lease}s",
        "claim_interval": f"{terms.claim_interval}s",
        "max_deliveries": terms.max_deliveries,
        "grace": f"{grace}s",
        "unknown_type": "ack",
        "order_by": "none_of_them",
        "retry": f"{{max_attempts: {MAX_ATTEMPTS}, delay: 200ms, multiplier: 1.5, jitter: 0}}",
    }
    return _CONFIG.format(
        stream=STREAM,
        group=GROUP,
        kind=KIND,
        kinds=", ".join(kinds),
        settings="\n".join(f"    {name}: {value}" for name, value in {**usual, **settings}.items()),
        dedupe="    dedupe: {key: job, ttl: 1h}" if deduped else "",
        more_streams="\n".join(f"  {name}: {{group: {GROUP}}}" for name in more_streams),
        more_routes="\n".join(f"  - {{{route}}}" for route in more_routes),
    )
