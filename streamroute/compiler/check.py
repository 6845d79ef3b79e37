"""The one way from a path to what runs: ``check``, ``serve`` and ``compile_routes`` all go this way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from streamroute.compiler.compilation import Compiled, all_findings, compile_document
from streamroute.config.diagnostics import Finding
from streamroute.config.document import Document
from streamroute.config.load import load_config
from streamroute.config.text import TextFile


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Everything that was found, sorted by place, and what may run if none of it is an error.

    ``document`` and ``compiled`` are None where the files leave nothing to compile. ``sources`` are the
    files by the paths that findings name.
    """

    findings: tuple[Finding, ...]
    document: Document | None
    compiled: Compiled | None
    sources: Mapping[str, TextFile] = field(repr=False)


def check_path(
    path: str | Path,
    *,
    env: Mapping[str, str] | None = None,
    unset: Literal["info", "error"] = "error",
    imports: bool = True,
) -> CheckResult:
    """Load and compile a configuration, collecting every finding of every step.

    ``env`` gives the variables (None: the process's own), ``unset`` the severity of one that is not set.
    Without ``imports`` no code of the user's runs. Never raises for what the files hold.
    """
    loaded = load_config(path, env=env, unset=unset)
    if loaded.document is None:
        return CheckResult(loaded.findings, None, None, loaded.files)
    compiled = compile_document(loaded.document, imports=imports)
    findings = all_findings(loaded.findings, compiled.findings)
    return CheckResult(findings, loaded.document, compiled, loaded.files)
