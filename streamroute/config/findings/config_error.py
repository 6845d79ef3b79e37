"""The exception for a configuration with errors, made of its findings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from streamroute.config.findings.finding import Finding, errors_of
from streamroute.errors import ConfigError
from streamroute.text.counted import pluralize

_SHOWN: Final = 20


def config_error(
    path: str | Path, findings: Sequence[Finding], errors: Sequence[Finding] | None = None
) -> ConfigError:
    """Return the exception for a configuration; its text has the first twenty of its errors.

    ``errors`` are those that count, if not all of the ``findings`` do.
    """
    counted = errors_of(findings) if errors is None else errors
    lines = [str(finding) for finding in counted[:_SHOWN]]
    if len(counted) > _SHOWN:
        lines.append(f"and {len(counted) - _SHOWN} more")
    return ConfigError("\n  ".join([f"{path} has {pluralize(len(counted), 'error')}:", *lines]), findings)
