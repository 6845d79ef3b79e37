"""SARIF 2.1.0, the exchange format of static analysis.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.formats.locations import fingerprinted, relative_path
from streamroute.cli.output.streams import printable
from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.config.findings.finding import Finding, Severity, Span
from streamroute.config.findings.rules import Rule
from streamroute.manual.addresses import rule_url
from streamroute.text.json_text import as_json
from streamroute.version import VERSION

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(report: FindingsReport) -> str:
    """Render a log with one run; columns count characters."""
    used = sorted({finding.code for finding in report.findings})
    results = [_result(finding, name, used) for finding, name in fingerprinted(report)]
    driver = {
        "name": "streamroute",
        "version": VERSION,
        "rules": [_rule(ALL_RULES[code]) for code in used],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return as_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "help": {"text": f"Run: streamroute rule {rule.code}"},
        "helpUri": rule_url(rule.code),
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(finding: Finding, fingerprint: str, used: list[str]) -> dict[str, Any]:
    text = printable(finding.text) + (f"\n{printable(finding.help)}" if finding.help else "")
    location = {"artifactLocation": _artifact(finding.file), "region": _region(finding.span)}
    result = {
        "ruleId": finding.code,
        "ruleIndex": used.index(finding.code),
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"streamroute/v1": fingerprint},
    }
    return result if finding.fix is None else {**result, "fixes": [_fix(finding, finding.fix)]}


def _fix(finding: Finding, text: str) -> dict[str, Any]:
    replacement = {"deletedRegion": _region(finding.span), "insertedContent": {"text": text}}
    return {"artifactChanges": [{"artifactLocation": _artifact(finding.file), "replacements": [replacement]}]}


def _artifact(file: str) -> dict[str, str]:
    path = relative_path(file)
    if Path(path).is_absolute():
        return {"uri": Path(path).as_uri()}
    return {"uri": quote(path, errors="surrogateescape"), "uriBaseId": "%SRCROOT%"}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
