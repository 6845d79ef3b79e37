"""Collect the schema findings of one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamroute.config.findings.finding import Finding
from streamroute.config.findings.quoting import quote_value
from streamroute.config.json_schema import ROUTES
from streamroute.config.schema.explain.common_causes import (
    Cause,
)
from streamroute.config.schema.violations import Violation
from streamroute.config.yaml.source import DataPath, Part, SourceFile


@dataclass(slots=True)
class SchemaReport:
    """The schema findings of a file, and the paths of its invalid values."""

    source: SourceFile
    replaced: Mapping[DataPath, str] = field(default_factory=dict)
    schema: str = ROUTES
    findings: list[Finding] = field(default_factory=list)
    invalid: list[DataPath] = field(default_factory=list)
    renamed: dict[DataPath, str] = field(default_factory=dict)
    """Misspelled keys whose values are valid under the intended key."""
    is_foreign: bool = False
    """Whether the file is not a configuration."""

    def add(
        self,
        code: str,
        message: str,
        path: DataPath,
        on: Part = "value",
        *,
        advice: str | None = None,
        suggestion: str | None = None,
        fix: str | None = None,
    ) -> None:
        """Add a finding about the value, or the key, at ``path``."""
        span = self.source.span(path, on)
        self.findings.append(
            self.source.finding(code, message, span, help=advice, suggestion=suggestion, fix=fix)
        )

    def add_cause(self, cause: Cause | None) -> None:
        """Add the finding of a cause; None means that it has been added already."""
        if cause is not None:
            self.is_foreign |= cause.is_foreign
            self.add(
                cause.code,
                cause.message,
                cause.path,
                "key",
                advice=cause.advice,
                suggestion=cause.suggestion,
            )

    def display(self, violation: Violation) -> str:
        """Return the value for display: for a variable its text, never its value, which may be secret."""
        return quote_value(self.replaced.get(violation.path, violation.value))
