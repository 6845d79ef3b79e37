"""What a new configuration changes about the streams that a process consumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamroute.config.document import StreamConfig

OF_THE_PIPELINE: Final = frozenset({"codec", "retry", "unknown_type", "validate"})
"""Settings that a pipeline applies: messages that were decoded before keep their values."""
_NO_SETTINGS: Final = frozenset({"name", "location", "unresolved_keys"})


def changed_settings(old: StreamConfig, new: StreamConfig) -> Mapping[str, object]:
    """Return the settings of a stream's consumer that differ, with their new values."""
    after = new._asdict()
    return {
        key: after[key]
        for key, value in old._asdict().items()
        if after[key] != value and key not in _NO_SETTINGS | OF_THE_PIPELINE
    }
