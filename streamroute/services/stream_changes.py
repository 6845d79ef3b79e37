"""What a new configuration changes about the streams that a process consumes."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamroute.config.document import StreamConfig

IN_PLACE: Final = frozenset({"concurrency", "trim"})
"""Settings that a running consumer can change."""
OF_THE_PIPELINE: Final = frozenset({"codec", "pause_when", "retry", "unknown_type", "validate"})
"""Settings that a pipeline applies: messages that were decoded before keep their values."""
_NO_SETTINGS: Final = frozenset({"name", "location", "unresolved_keys"})


def changed_settings(old: StreamConfig, new: StreamConfig) -> AbstractSet[str]:
    """Return the settings of a stream's consumer that differ."""
    after = new._asdict()
    differing = {key for key, value in old._asdict().items() if after[key] != value}
    return differing - _NO_SETTINGS - OF_THE_PIPELINE


def keeps_order(stream: StreamConfig) -> bool:
    """Whether messages of a stream are processed in order: all of them, or those with equal keys."""
    return stream.order_by is not None or stream.concurrency == 1


def needs_another_consumer(old: StreamConfig, new: StreamConfig) -> bool:
    """Whether a running consumer cannot apply the new settings.

    Concurrency 1 keeps the order of messages, which those that run now would break.
    """
    changed = changed_settings(old, new)
    return not changed <= IN_PLACE or ("concurrency" in changed and new.concurrency == 1)
