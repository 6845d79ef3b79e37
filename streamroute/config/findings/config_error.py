"""The exception for a configuration with errors, made of its findings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from streamroute.config.findings.finding import Finding, errors_of
from streamroute.errors import ConfigError
from streamroute.text.counted import pluralize

_SHOWN: Final = 20


def config_error(path: str | Path, findings: Sequence[Finding]) -> ConfigError:
    """Return the exception for a configuration; its text has the first twenty of its errors."""
    errors = errors_of(findings)
    lines = [str(finding) for finding in errors[:_SHOWN]]
    if len(errors) > _SHOWN:
        lines.append(f"and {len(errors) - _SHOWN} more")
    return ConfigError("\n  ".join([f"{path} has {pluralize(len(errors), 'error')}:", *lines]), findings)
