"""The configuration with which ``serve`` starts: the files on disk, or the last good generation."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from streamroute.cli.arguments.config import (
    UsableConfig,
    check_and_print,
    exit_unusable,
    usable_config,
)
from streamroute.cli.arguments.path_options import outside_allowed
from streamroute.cli.output.logging import echo_error
from streamroute.compiler.pipeline import check_path, findings_for_running
from streamroute.config.findings.finding import errors_of
from streamroute.config.load import recording_reader
from streamroute.errors import SetupError, StreamrouteError
from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.ops.generations.store import GenerationStore
from streamroute.ops.reload.candidate import Candidate, ReloadCause
from streamroute.ops.reload.code.code_folder import CodeFolder
from streamroute.ops.reload.code.code_watch import CodeWatch
from streamroute.ops.reload.watch_list import watch_list
from streamroute.ops.reload.watched_files import WatchedTogether
from streamroute.ops.serve.findings_log import log_findings
from streamroute.ops.serve.served_streams import served_streams
from streamroute.system.recording import RecordedFiles
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamroute.compiler.pipeline import CheckResult
    from streamroute.config.document import Document
    from streamroute.ops.reload.watched_files import Watched
    from streamroute.system.file_record import FileRecord

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StartConfig:
    """The configuration that a service starts with.

    ``path`` is that of its root file, from ``working_folder``; ``watched`` is the state of the files on disk.
    If these have errors, ``is_on_disk`` is false, and the configuration is the last good generation.
    """

    path: Path
    usable: UsableConfig
    candidate: Candidate
    watched: Watched
    working_folder: str
    is_on_disk: bool = True


def load_at_start(path: Path, state_folder: Path, *, last_good: bool, imports: bool = True) -> StartConfig:
    """Check the files on disk; on errors, or if no route is enabled, print why they cannot be used.

    Then, with ``last_good``, use the newest stored generation that has no errors, else exit with 1. Without
    ``imports``, no user code runs, and errors of handlers are ignored.
    """
    reader = recording_reader(path, outside=outside_allowed(), is_file=True)
    result, usable = check_and_print(path, imports=imports, unset="error", files=reader)
    record = reader.record()
    here = record.working_folder
    if usable is not None and not _has_routes(usable.document):
        usable = None
    watched = watch_list(path, record, result, refused=usable is None)
    if usable is not None:
        log_findings(usable.checked.findings)
        return StartConfig(path, usable, _candidate(usable, record), watched, here)
    if not last_good:
        exit_unusable()
    good, record = _last_good(path, state_folder)
    return StartConfig(path, good, _candidate(good, record), watched, here, is_on_disk=False)


def with_code(start: StartConfig) -> tuple[StartConfig, CodeWatch]:
    """Return the same configuration with the code beside it, and what watches that code."""
    watch = CodeWatch(CodeFolder(str(start.candidate.document.folder.resolve())))
    code = watch.read()
    log.info("following %s below %s", pluralize(len(code.tree), "Python file"), code.folder.path)
    candidate, watched = replace(start.candidate, code=code), WatchedTogether((start.watched, code))
    return replace(start, candidate=candidate, watched=watched), watch


def _has_routes(document: Document) -> bool:
    """Return whether a route is enabled; print it if none is."""
    try:
        served_streams(document)
    except SetupError as error:
        echo_error(str(error))
        return False
    return True


def _candidate(usable: UsableConfig, record: FileRecord) -> Candidate:
    document, findings = usable.document, usable.checked.findings
    return Candidate(document.generation, document, usable.compiled, findings, record, ReloadCause.START)


def _last_good(path: Path, state_folder: Path) -> tuple[UsableConfig, FileRecord]:
    """Return the newest stored generation that can run; exits with 1 if there is none."""
    for record in _stored(path, state_folder):
        result = check_path(record.path, files=RecordedFiles(record))
        usable = usable_config(result)
        if usable is None:
            _log_skipped(result)
        else:
            message = "%s is NOT used: running the last good generation %s, until it is mended"
            log.error(message, path, usable.document.generation, extra=NEVER_COALESCED)
            return usable, record
    echo_error(f"no generation of {path} that could run instead is stored in {state_folder}")
    return exit_unusable()


def _log_skipped(result: CheckResult) -> None:
    """Log why a stored generation cannot run any more: its handlers may have changed since."""
    errors = errors_of(findings_for_running(result, imports=True))
    name = "a stored generation" if result.document is None else f"generation {result.document.generation}"
    log.error("%s cannot run any more: %s: %s", name, pluralize(len(errors), "error"), errors[0])


def _stored(path: Path, state_folder: Path) -> Iterator[FileRecord]:
    """Yield the records of the stored generations, the newest first."""
    store = GenerationStore(state_folder, path)
    try:
        listing = store.list()
    except StreamrouteError as error:
        log.warning("%s", error)
        return
    for problem in listing.problems:
        log.warning("%s", problem)
    for stored in listing.generations:
        try:
            record = store.load(stored.generation).record
        except (StreamrouteError, ValueError) as error:
            log.warning("%s", error)
            continue
        yield record
