"""``include``: the files that belong to a configuration, in the order in which they are stated."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from streamroute.config.diagnostics import Finding
from streamroute.config.loading import load_file
from streamroute.config.paths import is_broken_link, is_file, is_folder
from streamroute.config.source import SourceFile
from streamroute.config.text import TextFile

TEST_SUFFIX: Final = ".test.yaml"
"""How files of tests are named: they lie beside configurations, and a wildcard passes over them."""

_WILDCARD: Final = re.compile(r"[*?\[]")


class Collection:
    """A root's included files, depth first, with what was found on the way and every text there is."""

    def __init__(self) -> None:
        self.sources: list[SourceFile] = []
        self.files: list[TextFile] = []
        self.findings: list[Finding] = []


class _Visit(NamedTuple):
    """A file to be read; ``above`` are the real paths of the files that lead to it, its own last."""

    path: str
    above: tuple[str, ...]


def collect_includes(root: SourceFile) -> Collection:
    """Read every file that ``root`` includes, or that one of those includes; each is read once."""
    collection = Collection()
    own = os.path.realpath(root.path)
    seen = {own}
    waiting = list(_visits(root, (own,), collection))[::-1]
    while waiting:
        visit = waiting.pop()
        if visit.above[-1] in seen:
            continue
        seen.add(visit.above[-1])
        source = _read(visit.path, collection)
        if source is not None:
            waiting += list(_visits(source, visit.above, collection))[::-1]
    return collection


def _read(path: str, collection: Collection) -> SourceFile | None:
    loading = load_file(Path(path), path)
    collection.files.append(loading.file)
    collection.findings += loading.findings
    if loading.source is not None:
        collection.sources.append(loading.source)
    return loading.source


def _visits(source: SourceFile, above: tuple[str, ...], collection: Collection) -> Iterator[_Visit]:
    for position, pattern in stated_includes(source):
        matches = match_include(source.path, pattern)
        if not matches:
            collection.findings.append(_no_match(source, position, pattern))
        for path in matches:
            real = os.path.realpath(path)
            if real == above[-1] and _WILDCARD.search(pattern):
                continue
            if real in above:
                collection.findings.append(_cycle(source, position, path))
                continue
            yield _Visit(path, (*above, real))


def stated_includes(source: SourceFile) -> list[tuple[int, str]]:
    """Position and text of each usable include of a file; the schema reports the others, and repetitions."""
    stated = source.data.get("include")
    items = stated if isinstance(stated, list) else []
    usable = {item: at for at, item in reversed(list(enumerate(items))) if isinstance(item, str) and item}
    return sorted((at, item) for item, at in usable.items() if "${" not in item)


def match_include(including: str, pattern: str) -> list[str]:
    """The files that an include means, sorted; it is relative to the file that states it."""
    folder = os.path.dirname(including)  # noqa: PTH120 - pathlib would lose the path's own spelling
    if not _WILDCARD.search(pattern):
        path = os.path.join(folder, pattern)  # noqa: PTH118 - as above
        found = [path]
    else:
        matches = (match for match in _glob(pattern, folder) if not match.endswith(TEST_SUFFIX))
        found = [os.path.join(folder, match) for match in matches]  # noqa: PTH118 - as above
    return [_normal(path) for path in found if is_file(path) or is_broken_link(path)]


def _normal(path: str) -> str:
    """The path without its detours, unless one of them goes through a link to another folder."""
    normal = os.path.normpath(path)
    return normal if os.path.realpath(normal) == os.path.realpath(path) else path


def _glob(pattern: str, folder: str) -> list[str]:
    import glob  # most configurations include nothing

    return sorted(glob.glob(pattern, root_dir=folder or None, recursive=True))  # noqa: PTH207 - needs root_dir


def _no_match(source: SourceFile, position: int, pattern: str) -> Finding:
    folder = Path(source.path).parent / pattern
    return source.finding(
        "SR015",
        f'the include "{pattern}" matches no file',
        source.span(("include", position)),
        help=f"it is a folder; write {pattern.rstrip('/')}/routes.yaml"
        if is_folder(folder)
        else "an include is relative to the file that states it",
    )


def _cycle(source: SourceFile, position: int, path: str) -> Finding:
    itself = os.path.realpath(path) == os.path.realpath(source.path)
    message = (
        "the file includes itself" if itself else f'"{path}" includes this file, which includes it again'
    )
    return source.finding("SR016", message, source.span(("include", position)))
