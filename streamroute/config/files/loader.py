"""Load a file into a SourceFile, or into findings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from streamroute.config.findings.collector import AbortReadingError
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.text_file import TextFile
from streamroute.config.yaml.builder import Builder
from streamroute.config.yaml.source import SourceFile
from streamroute.system.files import FileReader
from streamroute.system.named_files import read_named
from streamroute.system.opening import (
    MAX_BYTES,
    FileTooLargeError,
    OutsideFolderError,
    TotalTooLargeError,
)

ALLOW_OUTSIDE: Final = "move it there, or pass --allow-outside"
"""Advice for a file outside the configuration folder."""

NAME_LINK_TARGET: Final = "name the link's target, or pass --allow-outside"
"""Advice for a link in the given path that points outside its folder."""

_BOM: Final = b"\xef\xbb\xbf"


class LoadedFile(NamedTuple):
    """The result of loading a file: ``source`` is None if it cannot be used; ``file`` holds its text."""

    file: TextFile
    source: SourceFile | None
    findings: tuple[Finding, ...]


def load_file(
    path: Path,
    name: str | None = None,
    read: Callable[[str, str], LoadedFile] | None = None,
    files: FileReader | None = None,
) -> LoadedFile:
    """Read a file, shown as ``name``; ``read`` parses its text.

    ``files`` reads files that a configuration names; without it, the user named the file.
    """
    name = str(path) if name is None else name
    return _load(path, name, read, read_named if files is None else files.read, files is None)


def load_root_file(path: Path, name: str, files: FileReader) -> LoadedFile:
    """Read the root file, which the user named, shown as ``name``."""
    return _load(path, name, None, files.read_root, named=True)


def _load(
    path: Path,
    name: str,
    read: Callable[[str, str], LoadedFile] | None,
    content_of: Callable[[Path], bytes],
    named: bool,
) -> LoadedFile:
    try:
        content = content_of(path)
    except TotalTooLargeError as error:
        return _refused(TextFile(name, ""), "SR003", str(error.strerror))
    except FileTooLargeError as error:
        return _too_large(name, str(error.strerror))
    except OutsideFolderError as error:
        advice = NAME_LINK_TARGET if named else ALLOW_OUTSIDE
        return _refused(TextFile(name, ""), "SR021", str(error.strerror), advice)
    except (OSError, ValueError) as error:
        return _unreadable(name, error)
    return load_bytes(content, name, read)


def load_bytes(content: bytes, name: str, read: Callable[[str, str], LoadedFile] | None = None) -> LoadedFile:
    """Read the content of a file, as YAML unless ``read`` is given."""
    if len(content) > MAX_BYTES:
        return _too_large(name, str(FileTooLargeError.of(MAX_BYTES).strerror))
    try:
        text = content.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        return _not_utf8(content, name, error)
    return (read or load_text)(text, name)


def load_text(text: str, name: str) -> LoadedFile:
    """Read the text of a configuration file."""
    file = TextFile(name, text)
    builder = Builder(file)
    try:
        data = builder.build()
    except yaml.YAMLError as error:
        # Import late: compiling its patterns takes milliseconds, and a readable file does not need it.
        from streamroute.config.yaml.syntax.errors import explain_yaml_error

        return LoadedFile(file, None, (*builder.collector.findings, explain_yaml_error(error, file)))
    except AbortReadingError:
        return LoadedFile(file, None, tuple(builder.collector.findings))
    if not isinstance(data, dict):
        return _not_a_mapping(file, data, builder.root_start)
    source = SourceFile(name, text, data)
    return LoadedFile(source, source, tuple(builder.collector.findings))


def _refused(file: TextFile, code: str, message: str, advice: str | None = None, at: int = 0) -> LoadedFile:
    return LoadedFile(file, None, (file.finding(code, message, file.between(at, at), help=advice),))


def _too_large(name: str, message: str) -> LoadedFile:
    advice = "split it into several files, and include them"
    return _refused(TextFile(name, ""), "SR003", message, advice)


def _unreadable(name: str, error: Exception) -> LoadedFile:
    reasons: dict[type[Exception], str] = {
        FileNotFoundError: "file not found",
        IsADirectoryError: "the path is a folder, not a file",
        NotADirectoryError: "file not found",
        PermissionError: "permission denied",
    }
    other = f"could not read the file: {getattr(error, 'strerror', None) or error}"
    return _refused(TextFile(name, ""), "SR001", reasons.get(type(error), other))


def _not_utf8(content: bytes, name: str, error: UnicodeDecodeError) -> LoadedFile:
    start = len(content) - len(content.removeprefix(_BOM)) + error.start
    # The text before the first invalid byte is UTF-8, so its position can be computed.
    file = TextFile(name, content.removeprefix(_BOM).decode(errors="replace"))
    at = len(content[:start].removeprefix(_BOM).decode())
    message = f"the file is not UTF-8: invalid byte 0x{content[start]:02x}"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        message = "the file is UTF-16, not UTF-8"
    return _refused(file, "SR002", message, "save it as UTF-8", at)


def _not_a_mapping(file: TextFile, data: object, start: int | None) -> LoadedFile:
    if start is None or data is None:
        return _refused(file, "SR012", "the file is empty", "start it with: version: 1", start or 0)
    from streamroute.config.yaml.syntax.other_formats import find_other_format

    other = find_other_format(file)
    if other is not None:
        return LoadedFile(file, None, (other,))
    kind = "a list" if isinstance(data, list) else "a single value"
    return _refused(
        file, "SR012", f"expected a mapping at the top level, not {kind}", "start it with: version: 1", start
    )
