"""Resolve ``include``: the files of a configuration, in the order of their include entries."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from streamroute.config.files.loader import ALLOW_OUTSIDE, load_file
from streamroute.config.files.search import MAX_STEPS, WILDCARD, FileSearch, SearchLimitError
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.text_file import TextFile
from streamroute.config.paths import kind_problem
from streamroute.config.yaml.source import SourceFile
from streamroute.system.files import FileReader
from streamroute.system.opening import FileKind

MAX_FILES: Final = 5_000
"""Limit on the files that a configuration may include."""

TEST_SUFFIX: Final = ".test.yaml"
"""Suffix of test files, which are beside configurations; wildcards do not match them."""


class IncludeCollector:
    """The included files of a root file, depth first, with their findings and all texts read."""

    def __init__(self, files: FileReader) -> None:
        self.sources: list[SourceFile] = []
        self.files: list[TextFile] = []
        self.findings: list[Finding] = []
        self.reader = files
        self.search = FileSearch(files)

    def read(self, path: str) -> SourceFile | None:
        """Read one file; return its source, or None if it cannot be used."""
        loaded = load_file(Path(path), path, files=self.reader)
        self.files.append(loaded.file)
        self.findings += loaded.findings
        if loaded.source is not None:
            self.sources.append(loaded.source)
        return loaded.source


class _Include(NamedTuple):
    """One entry of a file's ``include``."""

    source: SourceFile
    position: int
    pattern: str

    def finding(self, code: str, message: str, help_text: str | None = None) -> Finding:
        """Return a finding about this include."""
        span = self.source.span(("include", self.position))
        return self.source.finding(code, message, span, help=help_text)


class _Visit(NamedTuple):
    """A file to read; ``above`` are the real paths of the files that lead to it, its own last."""

    path: str
    above: tuple[str, ...]
    include: _Include


def collect_includes(
    root: SourceFile, files: FileReader | None = None, *, max_files: int = MAX_FILES
) -> IncludeCollector:
    """Read every file that ``root`` includes, directly or indirectly; each is read once.

    ``files`` reads them, at most ``max_files``; by default only files below the folder of ``root``.
    """
    collection = IncludeCollector(files or FileReader(Path(root.path).parent))
    root_path = collection.reader.real_path(root.path)
    seen = {root_path}
    waiting = list(_visits(root, (root_path,), collection))[::-1]
    while waiting:
        visit = waiting.pop()
        if visit.above[-1] in seen:
            continue
        if len(seen) > max_files:  # the root file does not count
            collection.findings.append(_too_wide(visit.include, f"more than {max_files:,} files"))
            break
        seen.add(visit.above[-1])
        source = collection.read(visit.path)
        if source is not None:
            waiting += list(_visits(source, visit.above, collection))[::-1]
    return collection


def _visits(source: SourceFile, above: tuple[str, ...], collection: IncludeCollector) -> Iterator[_Visit]:
    for position, pattern in usable_includes(source):
        include = _Include(source, position, pattern)
        try:
            matches = match_include(source.path, pattern, collection.search)
        except SearchLimitError:
            collection.findings.append(_too_wide(include, f"more than {MAX_STEPS:,} files and folders"))
            return
        if collection.search.outside:
            collection.findings.append(_outside(include))
        elif not matches:
            collection.findings.append(_no_match(include, collection.reader))
        yield from _new_visits(include, matches, above, collection)


def _new_visits(
    include: _Include, matches: list[str], above: tuple[str, ...], collection: IncludeCollector
) -> Iterator[_Visit]:
    has_reported_cycle = False
    for path in matches:
        resolved = collection.reader.real_path(path)
        if resolved == above[-1] and WILDCARD.search(include.pattern):
            continue
        if resolved in above:
            if not has_reported_cycle:  # report an include that leads back to several files above it once
                collection.findings.append(_cycle(include, path, collection.reader))
            has_reported_cycle = True
            continue
        if not collection.reader.allows(resolved):
            collection.findings.append(_outside(include))
            return
        yield _Visit(path, (*above, resolved), include)


def usable_includes(source: SourceFile) -> list[tuple[int, str]]:
    """Return position and text of each usable include; the schema reports invalid and duplicate ones."""
    include = source.data.get("include")
    items = include if isinstance(include, list) else []
    usable = {item: at for at, item in reversed(list(enumerate(items))) if isinstance(item, str) and item}
    return sorted((at, item) for item, at in usable.items() if "${" not in item)


def match_include(including: str, pattern: str, search: FileSearch) -> list[str]:
    """Return the files that an include matches, sorted; it is relative to the including file.

    Raises SearchLimitError if ``search`` would examine too many names.
    """
    folder = os.path.dirname(including)  # noqa: PTH120 - pathlib would lose the path's own spelling
    if not WILDCARD.search(pattern):
        matches = [pattern] if search.reaches(os.path.join(folder, pattern)) else []  # noqa: PTH118 - as above
    else:
        matches = [match for match in search.find(pattern, folder) if not match.endswith(TEST_SUFFIX)]
    paths = (os.path.join(folder, match) for match in matches)  # noqa: PTH118 - as above
    return [_normal(path, search.files) for path in paths if _is_non_folder(search.files.kind(path))]


def _is_non_folder(kind: FileKind) -> bool:
    """Whether there is something other than a folder: a file, a pipe or a broken link."""
    return kind is not FileKind.FOLDER and not kind.is_missing


def _normal(path: str, files: FileReader) -> str:
    """Normalize a path, unless that changes the file because ``..`` follows a symbolic link."""
    normal = os.path.normpath(path)
    return normal if files.real_path(normal) == files.real_path(path) else path


def _no_match(include: _Include, files: FileReader) -> Finding:
    pattern = include.pattern
    folder = Path(include.source.path).parent / pattern
    advice = "include paths are relative to the including file"
    kind = files.kind(folder)
    if kind is FileKind.FOLDER:
        advice = f"the path is a folder; write {pattern.rstrip('/')}/routes.yaml"
    elif kind is FileKind.NOT_ENTERABLE:
        advice = f"it {kind_problem(kind)}"
    return include.finding("SR015", f'include "{pattern}" matches no file', advice)


def _outside(include: _Include) -> Finding:
    # The message does not reveal whether the file exists.
    message = f'include "{include.pattern}" is outside the configuration folder'
    return include.finding("SR021", message, ALLOW_OUTSIDE)


def _too_wide(include: _Include, excess: str) -> Finding:
    message = f'include "{include.pattern}" matches too many files: {excess}'
    return include.finding("SR022", message, "name the folders that contain the files")


def _cycle(include: _Include, path: str, files: FileReader) -> Finding:
    itself = files.real_path(path) == files.real_path(include.source.path)
    message = "the file includes itself" if itself else f'include cycle: "{path}" includes this file'
    return include.finding("SR016", message)
