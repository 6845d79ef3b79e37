"""Turn schema violations into findings, one for each cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamroute.config.json_schema import ROUTES
from streamroute.config.schema.explain.common_causes import (
    belongs_to_a_stream,
    split_items,
)
from streamroute.config.schema.explain.key_findings import explain_keys
from streamroute.config.schema.explain.report import SchemaReport
from streamroute.config.schema.explain.value_findings import explain_value
from streamroute.config.schema.violations import find_violations, violations_by_path
from streamroute.config.yaml.source import DataPath, SourceFile


def check_against_schema(
    source: SourceFile, data: Mapping[str, Any], replaced: Mapping[DataPath, str], schema: str = ROUTES
) -> SchemaReport:
    """Check a file's data after expansion; ``replaced`` gives the source text of expanded values."""
    report = SchemaReport(source, replaced, schema)
    split = split_items(data.get("routes"), "routes") if schema == ROUTES else {}
    for path, group in violations_by_path(find_violations(data, schema)):
        keywords = {violation.keyword: violation for violation in group}
        if len(path) == 2 and path[1] in split:
            report.invalid.append(path)
            report.add_cause(split[int(path[1])])
            continue
        if keywords.keys() == {"pattern"} and _is_read_later(path, group[0].value):
            continue
        if "additionalProperties" in keywords or "required" in keywords:
            explain_keys(report, path, group[0])
        else:
            report.invalid.append(("streams",) if belongs_to_a_stream(path) else path)
            explain_value(report, keywords)
    return report


def _is_read_later(path: DataPath, value: Any) -> bool:
    """Whether the compiler reports an invalid string in more detail than the schema can.

    The compiler parses the Redis URL as `serve` does, and searches the project for a function of this name.
    """
    names_function = path[-1:] == ("handler",) or path == ("container",)
    return path == ("redis", "url") or (names_function and str(value).isidentifier())
