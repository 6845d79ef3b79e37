"""``check --fix`` and ``check --diff``: computes, shows and writes the fixes of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Final

import click

from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.streams import printable
from streamroute.cli.process.files import replace
from streamroute.config.files.loader import load_text
from streamroute.config.findings.autofix import apply_fixes
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.quoting import hide_secrets
from streamroute.config.findings.text_file import TextFile
from streamroute.system.files import FileReader
from streamroute.system.named_files import real_path
from streamroute.system.opening import OutsideFolderError

_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Fix:
    """A file's text before and after."""

    path: str
    before: str
    after: str


def fixes_of(report: FindingsReport, roots: Iterable[Path]) -> list[Fix]:
    """Return the fixes of files inside the configurations' folders.

    Omits a file that could not be parsed after its fixes.
    """
    readers = _readers(roots)
    fixable = [finding for finding in report.findings if finding.fix is not None]
    files = [report.sources[name] for name in dict.fromkeys(finding.file for finding in fixable)]
    fixes = (Fix(file.path, file.text, _apply_fixes(file, fixable)) for file in files)
    return [fix for fix in fixes if fix.after != fix.before and _of(readers, fix)]


def _readers(roots: Iterable[Path]) -> list[FileReader]:
    return [FileReader(folder) for folder in map(_folder, roots) if folder is not None]


def _folder(root: Path) -> str | None:
    """Return the folder of a configuration; None if it is reached through a link, which is not followed."""
    try:
        return real_path(root.parent, folder=True)
    except OutsideFolderError:
        return None


def _of(readers: Iterable[FileReader], fix: Fix) -> FileReader | None:
    return next((reader for reader in readers if reader.allows(fix.path)), None)


def _apply_fixes(file: TextFile, findings: Sequence[Finding]) -> str:
    """Return the text with its fixes, and with fixes of syntax errors that appear after each pass."""
    text, reached = apply_fixes(file, findings), 0
    while (read := load_text(text, file.path)).source is None:
        last = read.findings[-1]
        if last.fix is None or last.span.line <= reached:
            return file.text
        text, reached = apply_fixes(read.file, read.findings), last.span.line
    return text


def show(fixes: Sequence[Fix]) -> str:
    """Return the unified diff, without passwords."""
    return "".join(line for fix in fixes for line in _diff(fix))


def _diff(fix: Fix) -> Iterator[str]:
    before, after = fix.before.splitlines(), fix.after.splitlines()
    for line in unified_diff(before, after, fix.path, fix.path, lineterm=""):
        yield f"{printable(hide_secrets(line))}\n"


def write_all(fixes: Sequence[Fix], roots: Iterable[Path]) -> None:
    """Write the files, each inside the folder of a configuration.

    Raises click.ClickException if a file has changed since it was read, and StreamrouteError if it cannot be
    written.
    """
    readers = _readers(roots)
    for fix in fixes:
        files = _of(readers, fix)
        before, after = fix.before.encode(), fix.after.encode()
        is_replaced = files and any(
            replace(fix.path, bom + before, bom + after, files) for bom in (b"", _BOM)
        )
        if not is_replaced:
            raise click.ClickException(f"{fix.path} changed since it was read; not modified")
