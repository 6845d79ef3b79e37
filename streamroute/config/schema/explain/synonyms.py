"""Keys under the names that other tools use for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SYNONYMS: Final = {
    "filter": "when if condition where match matcher matchers check expression jmespath expr predicate",
    "type": "event events event_type event_types types message_type on",
    "handler": "func function fn action callback target run call do handle",
    "with": "args kwargs arguments params parameters config options",
    "stream": "queue channel source topic input streams",
    "name": "id title route",
    "formerly": "former_name former_names old_name old_names previous_name previous_names"
    " previously renamed_from alias aliases",
    "transform": "map mapping output select project",
    "retry": "retries retry_policy",
    "max_attempts": "attempts max_retries tries times limit",
    "delay": "backoff initial_delay wait interval",
    "max_delay": "max_backoff",
    "multiplier": "factor backoff_factor exponent",
    "group": "consumer_group group_id",
    "formerly_group": "formerly former_name old_group old_group_name previous_group renamed_from",
    "concurrency": "workers parallel parallelism max_concurrency threads prefetch",
    "dead_letter": "dlq dead_letters dead_letter_queue deadletter dead_letter_stream",
    "lease": "visibility_timeout claim_timeout idle min_idle_time",
    "stall": "stall_timeout stalled_timeout hang_timeout watchdog watchdog_timeout",
    "on_stuck": "on_hang on_stall on_cancel_timeout stuck",
    "codec": "format encoding decoder serializer",
    "dedupe": "deduplicate idempotency unique once",
    "shadow": "dry_run dryrun observe_only mirror log_only",
    "canary": "rollout split percentage gradual traffic_split",
    "instead_of": "replaces overrides in_place_of baseline primary",
    "pause_when": "circuit_breaker circuit breaker break_at circuitbreaker",
    "stop_at": "abort_at rollback_at thresholds threshold abort_if",
    "percent": "percentage weight share ratio",
    "url": "uri dsn address connection",
    "ttl": "expire expires expiry",
    "include": "includes import imports files",
    "tests": "test cases test_cases scenarios",
    "message": "payload data event input given body entry",
    "routes": "expect expected expects then matches matched",
}
"""Key -> the names that other tools use for it."""


def synonym_of(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate for which other tools use this word, or None."""
    small = word.lower().replace("-", "_")
    return next((key for key in candidates if small in _SYNONYMS.get(key, "").split()), None)
