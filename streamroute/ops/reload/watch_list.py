"""What to watch after a configuration was read: its files, and those whose change may mend it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamroute.compiler.resolve.references import is_built_in, parse_reference
from streamroute.config.files.includes import usable_includes
from streamroute.config.yaml.source import SourceFile
from streamroute.expressions.problem import Problem
from streamroute.ops.reload.watched_files import WatchedFiles, digest, digest_of
from streamroute.ops.reload.wildcards import Wildcards
from streamroute.system.opening import FileKind, OutsideFolderError

if TYPE_CHECKING:
    from streamroute.compiler.pipeline import CheckResult
    from streamroute.config.document import Document
    from streamroute.system.file_record import FileRecord

_OUTSIDE: Final = OutsideFolderError.__name__
_ABSENT: Final = frozenset({FileKind.MISSING, FileKind.NOT_ENTERABLE, FileKind.BROKEN_LINK})


def watch_list(path: Path, record: FileRecord, result: CheckResult, *, refused: bool) -> WatchedFiles:
    """Return the files that were read for the root file ``path``, with their contents then.

    If the configuration was ``refused``, the modules that it names are added, as they are now.
    """
    sources = [file for file in result.sources.values() if isinstance(file, SourceFile)]
    wildcards = Wildcards.of(pattern for source in sources for _, pattern in usable_includes(source))
    digests = {record.absolute(str(path)): None, **_digests(record)}
    if refused and result.document is not None:
        digests.update({str(path): digest_of(str(path)) for path in module_files(result.document)})
    names = {
        record.absolute(folder): frozenset(entry.name for entry in entries if wildcards.match(entry))
        for folder, entries in record.folders.items()
        if wildcards.files or wildcards.folders
    }
    return WatchedFiles(digests, names, wildcards)


def differs_from_disk(record: FileRecord) -> bool:
    """Whether a file of a record is not on the disk as it was."""
    recorded = WatchedFiles(_digests(record))
    return recorded.now() != recorded


def _digests(record: FileRecord) -> dict[str, bytes | None]:
    """Return the hashes of the contents that were read, and None where nothing could be read.

    A file that is outside the folder was not read; its content now is taken for the one that was refused.
    """
    absent = (path for path, kind in record.kinds.items() if kind in _ABSENT)
    outside = {path for path, failure in record.failures.items() if failure.error == _OUTSIDE}
    unread = {*record.failures, *absent} - record.files.keys() - outside
    return {
        **dict.fromkeys(map(record.absolute, unread)),
        **{record.absolute(path): digest_of(record.absolute(path)) for path in outside},
        **{record.absolute(path): digest(content) for path, content in record.files.items()},
    }


def module_files(document: Document) -> Iterator[Path]:
    """Yield the files in which the modules of handlers and container would be, in the document's folder."""
    texts = {route.handler for route in document.routes} | {document.container or ""}
    for text in sorted(texts):
        reference = parse_reference(text)
        if isinstance(reference, Problem) or is_built_in(text):
            continue
        parts = reference.module.split(".")
        for count in range(1, len(parts) + 1):
            path = document.folder.joinpath(*parts[:count])
            yield path.with_name(f"{path.name}.py")
            yield path / "__init__.py"
