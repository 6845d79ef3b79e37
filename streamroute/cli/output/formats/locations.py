"""Locations of findings for tools that compare runs: a relative path and a fingerprint."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePath

from streamroute.cli.output.findings import FindingsReport
from streamroute.config.findings.finding import Finding


def relative_path(name: str) -> str:
    """Return a path relative to the working folder, with slashes; outside of it, an absolute path."""
    path = Path(os.path.abspath(name))  # noqa: PTH100 - resolve() would follow links away from the checkout
    folder = Path.cwd()
    relative: PurePath = path.relative_to(folder) if path.is_relative_to(folder) else path
    return relative.as_posix()


def fingerprinted(report: FindingsReport) -> Iterator[tuple[Finding, str]]:
    """Yield each finding with a fingerprint that does not change when other lines of the file change."""
    seen: Counter[str] = Counter()
    for finding in report.findings:
        source = report.sources.get(finding.file)
        line = source.line(finding.span.line).strip() if source else ""
        identity = "\0".join((finding.code, relative_path(finding.file), finding.message, line))
        seen[identity] += 1
        text = f"{identity}\0{seen[identity]}"
        yield finding, sha256(text.encode(errors="replace")).hexdigest()[:40]
