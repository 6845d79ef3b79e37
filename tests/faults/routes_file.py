"""The routes.yaml that workers serve under faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from producer import GROUP, KIND, MAX_ATTEMPTS, STREAM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oracle import Terms

_CONFIG = """\
version: 1
redis:
  url: ${{FAULTS_URL}}
streams:
  {stream}:
    group: {group}
    concurrency: 32
    lease: {lease}s
    claim_interval: {claim_interval}s
    max_deliveries: {max_deliveries}
    grace: {grace}s
    retry: {{max_attempts: {max_attempts}, delay: 200ms, multiplier: 1.5, jitter: 0}}
    unknown_type: {unknown_type}
    order_by: {order_by}
routes:
  - name: record
    type: [{kinds}]
    handler: effects.record
  - name: flaky
    type: {kind}
    filter: fails > `0`
    handler: effects.flaky
"""


def routes_yaml(
    terms: Terms,
    grace: float,
    kinds: Sequence[str] = (KIND,),
    unknown_type: str = "ack",
    order_by: str = "none_of_them",
) -> str:
    """The configuration with these terms; ``grace`` is in seconds, ``kinds`` are the types it knows.

    By default a message has no key, and waits for no other.
    """
    return _CONFIG.format(
        stream=STREAM,
        group=GROUP,
        kind=KIND,
        kinds=", ".join(kinds),
        unknown_type=unknown_type,
        order_by=order_by,
        max_attempts=MAX_ATTEMPTS,
        grace=grace,
        lease=terms.lease,
        claim_interval=terms.claim_interval,
        max_deliveries=terms.max_deliveries,
    )
