"""Load a configuration into a checked document and its findings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from streamroute.config.document import Document
from streamroute.config.document_builder import CheckedFile, build_document
from streamroute.config.files.includes import collect_includes
from streamroute.config.files.loader import load_root_file
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.quoting import quote_value
from streamroute.config.findings.text_file import TextFile
from streamroute.config.json_schema import ROOT_ONLY
from streamroute.config.schema.fast_validator import document_validator
from streamroute.config.schema.pruning import prune
from streamroute.config.schema.replaced_values import has_variable
from streamroute.config.variables.expand import replace_variables, unescaped
from streamroute.config.variables.misplaced import find_misplaced
from streamroute.config.yaml.source import DataPath, SourceFile
from streamroute.system.files import FileReader
from streamroute.system.opening import FileKind, kind_of

if TYPE_CHECKING:
    from streamroute.config.messages.catalog import MessageConfig
    from streamroute.system.recording import RecordingReader

FILE_NAME: Final = "routes.yaml"
VERSION: Final = 1


class LoadResult(NamedTuple):
    """The result of loading a configuration.

    ``document`` is None if the errors leave nothing to check; otherwise it holds the valid parts, and must
    not run if ``findings`` contain an error. ``files`` are the texts by path.
    """

    document: Document | None
    findings: tuple[Finding, ...]
    files: Mapping[str, TextFile]


def load_config(
    path: str | Path,
    *,
    env: Mapping[str, str] | None = None,
    unset: Literal["info", "error"] = "error",
    outside: bool = False,
    files: FileReader | None = None,
    needs_server: bool = True,
) -> LoadResult:
    """Read a configuration and all its includes; for a folder, its routes.yaml.

    ``env`` gives the environment variables (by default the process's own), ``unset`` the severity of a
    variable that is not set and has no default. Only files below the root file's folder are read, unless
    ``outside`` is true; ``files`` reads them instead, and decides which may be read. Without
    ``needs_server``, variables of ``redis`` may be unset. Never raises because of a file's content.
    """
    name = config_file(path, files)
    reader = FileReader(None if outside else Path(name).parent) if files is None else files
    loaded = load_root_file(Path(name), name, reader)
    texts = [loaded.file]
    findings = list(loaded.findings)
    document = None
    if loaded.source is not None:
        environment = os.environ if env is None else env
        severity = Severity(unset)
        run = _ConfigReader(
            loaded.source, environment, severity, loaded.findings, reader, needs_server=needs_server
        )
        document = run.document()
        findings += [*run.findings_of_unset, *run.findings]
        texts += run.files
    return LoadResult(document, tuple(findings), {file.path: file for file in texts})


def config_file(path: str | Path, files: FileReader | None = None) -> str:
    """Return the configuration file for a path given by the user: for a folder, its routes.yaml.

    The root file of ``files`` stays itself, even if there is a folder in its place.
    """
    if files is not None and files.root is not None and Path(path) == Path(files.root):
        return str(Path(path))
    kind = kind_of(path) if files is None else files.kind(path)
    return str(Path(path) / FILE_NAME if kind is FileKind.FOLDER else Path(path))


def recording_reader(path: str | Path, *, outside: bool = False, is_file: bool = False) -> RecordingReader:
    """Return a reader for ``load_config`` that keeps what it reads; ``path`` and ``outside`` are as there.

    With ``is_file``, the path is that of the root file, even if there is a folder in its place.
    """
    from streamroute.system.recording import RecordingReader  # a check needs none

    name = str(Path(path)) if is_file else config_file(path)
    return RecordingReader(name, None if outside else Path(name).parent)


class _ConfigReader:
    """Reads a root file and its includes."""

    def __init__(
        self,
        root: SourceFile,
        environment: Mapping[str, str],
        unset: Severity,
        known: Sequence[Finding],
        reader: FileReader,
        *,
        needs_server: bool,
    ) -> None:
        self.root = root
        self.environment = environment
        self.unset = unset
        self.known = known
        self.reader = reader
        self.needs_server = needs_server
        self.findings: list[Finding] = []
        self.findings_of_unset: list[Finding] = []
        self.files: list[TextFile] = []
        self.schema_files: tuple[TextFile, ...] = ()
        self.is_foreign = False

    def document(self) -> Document | None:
        data = self._root_data()
        if data is None:
            return None
        collection = collect_includes(self.root, self.reader)
        self.findings += collection.findings
        self.files += collection.files
        files: list[CheckedFile] = [(self.root, data)]
        files += [(source, self._fragment_data(source)) for source in collection.sources]
        messages = self._messages(files)
        document = build_document(
            files, messages, reader=self.reader, knows_streams=self._knows_streams(files)
        )
        return document._replace(schema_files=self.schema_files)

    def _messages(self, files: Sequence[CheckedFile]) -> Mapping[str, MessageConfig]:
        if not any(data.get("messages") for _, data in files):
            return {}
        from streamroute.config.messages.catalog import read_catalogue  # imports much code

        catalogue = read_catalogue(files, self.reader)
        self.findings += catalogue.findings
        self.files += catalogue.files
        self.schema_files = catalogue.files
        return catalogue.messages

    def _root_data(self) -> dict[str, Any] | None:
        if not self._version_is_known(self.root):
            return None
        replacement = replace_variables(
            self.root, self.environment, self.unset, needs_server=self.needs_server
        )
        self.findings += replacement.findings
        self.findings_of_unset += replacement.findings_of_unset
        misplaced = find_misplaced(self.root, root=True)
        self.findings += misplaced
        data = self._checked(self.root, replacement.data, replacement.replaced)
        if self.is_foreign:  # report no details of another kind of file
            self.findings = [finding for finding in self.findings if finding not in misplaced]
        return data

    def _fragment_data(self, source: SourceFile) -> dict[str, Any]:
        if not self._version_is_known(source):
            return {}
        misplaced = [key for key in ROOT_ONLY if key in source.data]
        self.findings += [_root_only(source, key) for key in misplaced]
        allowed = [key for key in source.data if key not in misplaced]
        # Do not report variables in misplaced parts: those have a finding already.
        part = SourceFile(source.path, source.text, {key: source.data[key] for key in allowed})
        self.findings += find_misplaced(part, root=False)
        return self._checked(source, unescaped(source, allowed), {})

    def _checked(
        self, source: SourceFile, data: dict[str, Any], replaced: Mapping[DataPath, str]
    ) -> dict[str, Any]:
        if document_validator()(data):
            return data
        from streamroute.config.schema.findings import (
            check_against_schema,  # import late: a valid file does not need it
        )

        report = check_against_schema(source, data, replaced)
        self.is_foreign |= report.is_foreign
        # An unset variable covers no finding: its value was left out, so that a finding has another cause.
        self.findings += _without_covered(report.findings, (*self.known, *self.findings))
        source.renamed_keys.update(_written_keys(report.renamed))
        return prune(data, report.invalid, report.renamed)

    def _version_is_known(self, source: SourceFile) -> bool:
        version = source.data.get("version", VERSION)
        if version == VERSION and not isinstance(version, bool):
            return True
        advice = "this release supports version 1" if type(version) in {int, float} else "write version: 1"
        message = f"unknown version {quote_value(version)}"
        self.findings.append(source.finding("SR101", message, source.span(("version",)), help=advice))
        return False

    def _knows_streams(self, files: list[CheckedFile]) -> bool:
        """Whether the streams are known; add a finding if there are routes but no streams."""
        streams = files[0][1].get("streams")
        has_routes = any(data.get("routes") for _, data in files)
        if streams is None and "streams" in self.root.data:
            return False
        if streams and any(has_variable(name) for name in streams):
            return False  # the name is unknown
        if streams or not has_routes:
            return True
        if any(finding.suggestion == "streams" for finding in self.findings):
            return False
        location = ("streams",) if "streams" in self.root.data else ()
        on: Literal["key", "first-key"] = "key" if location else "first-key"
        self.findings.append(
            self.root.finding(
                "SR103",
                "routes are declared, but no streams",
                self.root.span(location, on),
                help="for example: streams: {bot_events: {group: notifications}}",
            )
        )
        return False


def _without_covered(findings: Sequence[Finding], known: Sequence[Finding]) -> list[Finding]:
    """Drop findings where the reader or a variable already has one: one finding for each cause."""
    by_line: dict[tuple[str, int], list[Finding]] = {}
    for earlier in known:
        by_line.setdefault((earlier.file, earlier.span.line), []).append(earlier)
    return [
        finding
        for finding in findings
        if not any(
            _covers(finding, earlier) for earlier in by_line.get((finding.file, finding.span.line), ())
        )
    ]


def _covers(finding: Finding, earlier: Finding) -> bool:
    span, start = finding.span, (earlier.span.line, earlier.span.column)
    first, last = (span.line, span.column), (span.end_line, span.end_column)
    return start == first or first < start < last


def _written_keys(renamed: Mapping[DataPath, str]) -> dict[DataPath, str]:
    """Map the path of each intended key to the key as written."""
    return {(*path[:-1], key): str(path[-1]) for path, key in renamed.items()}


def _root_only(source: SourceFile, key: str) -> Finding:
    return source.finding(
        "SR109",
        f'"{key}" is only allowed in the root file, not in an included file',
        source.span((key,), "key"),
    )
