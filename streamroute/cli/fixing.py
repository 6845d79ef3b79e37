"""``check --fix`` and ``check --diff``: what would change in the files, and changing it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Final

import click

from streamroute.cli.findings import Report
from streamroute.cli.output import printable
from streamroute.cli.writing import writing
from streamroute.config.diagnostics import Finding
from streamroute.config.fixes import fixed
from streamroute.config.loading import load_text
from streamroute.config.text import TextFile
from streamroute.config.wording import hide_secrets

_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Fix:
    """A file's text before and after."""

    path: str
    before: str
    after: str


def fixes_of(report: Report) -> list[Fix]:
    """The files that change. One that could not be read afterwards is left as it is."""
    found = [finding for finding in report.findings if finding.fix is not None]
    files = [report.sources[name] for name in dict.fromkeys(finding.file for finding in found)]
    fixes = (Fix(file.path, file.text, _mended(file, found)) for file in files)
    return [fix for fix in fixes if fix.after != fix.before]


def _mended(file: TextFile, findings: Sequence[Finding]) -> str:
    """The text with its fixes, and with those of what could not be read before each of them."""
    text, reached = fixed(file, findings), 0
    while (read := load_text(text, file.path)).source is None:
        last = read.findings[-1]
        if last.fix is None or last.span.line <= reached:
            return file.text
        text, reached = fixed(read.file, read.findings), last.span.line
    return text


def show(fixes: Sequence[Fix]) -> str:
    """The difference, as ``diff -u`` shows it, but for passwords."""
    return "".join(line for fix in fixes for line in _diff(fix))


def _diff(fix: Fix) -> Iterator[str]:
    before, after = fix.before.splitlines(), fix.after.splitlines()
    for line in unified_diff(before, after, fix.path, fix.path, lineterm=""):
        yield f"{printable(hide_secrets(line))}\n"


def write_all(fixes: Sequence[Fix]) -> None:
    """Write the files.

    Raises click.ClickException for one that has changed since it was read, and StreamrouteError for one
    that cannot be written.
    """
    for fix in fixes:
        with writing(fix.path):
            _write(Path(fix.path).resolve(), fix)


def _write(path: Path, fix: Fix) -> None:
    content = path.read_bytes()
    if content.removeprefix(_BOM) != fix.before.encode():
        raise click.ClickException(f"{fix.path} has changed meanwhile, and is left as it is")
    bom = _BOM if content.startswith(_BOM) else b""
    _replace(path, bom + fix.after.encode())


def _replace(path: Path, content: bytes) -> None:
    """Replace a file as a whole: a crash in the middle leaves the old one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        shutil.copymode(path, name)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
