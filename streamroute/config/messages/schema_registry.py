"""Load the documents that contain schemas, and resolve the references between them.

Nothing is fetched over a network: references may name only files in the configuration folder.
The package ``referencing`` is not used: it returns the contents of a target, and a finding needs its path.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urldefrag, urlsplit

from streamroute.config.files.loader import ALLOW_OUTSIDE
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.text_file import TextFile
from streamroute.config.messages.dialects import DEFAULT, Dialect, dialect_of
from streamroute.config.messages.keywords import anchors_of, base_below, hides_siblings, resolve_uri, walk
from streamroute.config.messages.metaschema_files import (
    differs_from_metaschema,
    is_metaschema_uri,
    metaschema,
)
from streamroute.config.messages.schema_files import load_schema_file
from streamroute.config.paths import kind_problem
from streamroute.config.yaml.source import DataPath, SourceLocation
from streamroute.system.files import FileReader
from streamroute.system.opening import FileKind
from streamroute.text.truncation import clip

NOT_FETCHED: Final = "schemas are read only from files in the configuration folder"

_MAX_SHOWN_LENGTH: Final = 200  # characters of a reference that a finding shows


@dataclass(frozen=True, slots=True)
class SchemaDocument:
    """A document that contains a schema; ``location`` is the place of its root in a file."""

    uri: str
    root: Any
    dialect: Dialect
    location: SourceLocation


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a reference: a value in a document, and the base URI of the references inside it."""

    document: SchemaDocument
    path: DataPath
    value: Any
    base: str


class UnresolvedError(Exception):
    """Raised for a reference that cannot be resolved; ``code`` names the rule, ``help`` the advice."""

    def __init__(self, code: str, message: str, help: str | None = None) -> None:  # noqa: A002 - as in a finding
        super().__init__(message)
        self.code = code
        self.help = help


class NoSchemaFileError(UnresolvedError):
    """Raised for the path of a schema file that does not exist."""


@dataclass(slots=True)
class SchemaRegistry:
    """The schema documents of one configuration; ``reader`` reads each when it is first referenced.

    ``files`` are the files read so far, ``findings`` the problems in them.
    """

    reader: FileReader
    files: list[TextFile] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    _documents: dict[str, SchemaDocument | None] = field(default_factory=dict)
    _named: dict[str, Target] = field(default_factory=dict)

    def add(self, uri: str, root: Any, dialect: Dialect, location: SourceLocation) -> SchemaDocument:
        """Add a document and register every ``$id`` and anchor in it."""
        document = SchemaDocument(uri, root, dialect, location)
        self._documents[uri] = document
        for node in walk(root, (), base_below(root, uri, dialect), dialect):
            target = Target(document, node.path, node.schema, node.base)
            if _has_uri(node.schema, dialect) and node.base != uri:
                self._register(node.base, target, "$id")
            for anchor in anchors_of(node.schema, dialect):
                self._register(f"{node.base}#{anchor}", target, "$anchor")
        self._check_name_is_free(uri, Target(document, (), root, uri), "$id")
        return document

    def _register(self, name: str, target: Target, keyword: str) -> None:
        self._check_name_is_free(name, target, keyword)
        self._named.setdefault(name, target)

    def _check_name_is_free(self, name: str, target: Target, keyword: str) -> None:
        """Report a name that another schema already uses: references to it would be ambiguous."""
        first = self._named.get(name)
        other = self._documents.get(name)
        if first is None and other is not None and other is not target.document:
            first = root_of(other, name)
        address, fragment = urldefrag(name)
        if is_metaschema_uri(address):
            if not fragment and differs_from_metaschema(address, target.value):
                self._refuse_name(target, keyword, name, "it is a name of JSON Schema itself")
        elif first is not None and first.value != target.value:
            where = first.document.location.display_line(target.document.location.source, first.path)
            self._refuse_name(target, keyword, name, f"first used on {where}")

    def _refuse_name(self, target: Target, keyword: str, name: str, reason: str) -> None:
        value = target.value if isinstance(target.value, dict) else {}
        present = next(
            (candidate for candidate in (keyword, "$id") if candidate in value), None
        )  # an anchor of draft-07 is an $id
        at = target.path if present is None else (*target.path, present)
        name_in_schema = name if present is None else value[present]
        message = f'duplicate schema name "{clip(name_in_schema, _MAX_SHOWN_LENGTH)}": {reason}'
        self.findings.append(target.document.location.finding("SR117", message, at=at))

    def read(self, path: str, name: str, dialect: Dialect = DEFAULT) -> SchemaDocument | None:
        """Return the document in a file; None if it cannot be read, which a finding reports.

        ``path`` is absolute; ``name`` is the path shown in findings; ``dialect`` applies if the file has no
        ``$schema``. Raises UnresolvedError if the file does not exist or is outside the folder.
        """
        uri = file_uri(path)
        if uri not in self._documents:
            self._documents[uri] = None
            self._check_allowed(path, name)
            self._documents[uri] = self._load(uri, path, name, dialect)
        elif self._documents[uri] is None:
            self._check_allowed(path, name)
        return self._documents[uri]

    def absolute(self, path: str) -> str:
        """Return the normalized absolute path, without following links."""
        return os.path.normpath(self.reader.absolute(path))

    def _check_allowed(self, path: str, name: str) -> None:
        if not self.reader.allows(path):
            message = f'"{clip(name, _MAX_SHOWN_LENGTH)}" is outside the configuration folder'
            raise UnresolvedError("SR113", message, ALLOW_OUTSIDE)
        reason = kind_problem(self.reader.kind(path))
        if reason:
            advice = "paths are relative to the file that contains them"
            raise NoSchemaFileError("SR114", f'"{clip(name, _MAX_SHOWN_LENGTH)}" {reason}', advice)

    def _load(self, uri: str, path: str, name: str, dialect: Dialect) -> SchemaDocument | None:
        loaded = load_schema_file(Path(path), name, self.reader)
        self.files.append(loaded.file)
        self.findings += loaded.findings
        if loaded.source is None:
            return None
        location = SourceLocation(loaded.source)
        declared = dialect_of(loaded.source.data, dialect)
        if declared is None:
            self.findings.append(unknown_dialect(location, loaded.source.data["$schema"]))
            return None
        return self.add(uri, loaded.source.data, declared, location)

    def lookup(self, reference: str, base: str, origin: SchemaDocument) -> Target | None:
        """Resolve a reference in ``origin``; None if the referenced file is invalid, which a finding reports.

        Raises UnresolvedError if the reference cannot be resolved.
        """
        try:
            uri, fragment = urldefrag(resolve_uri(base, reference))
            resource = self._resource(uri, reference, origin)
        except ValueError:
            raise UnresolvedError(
                "SR114", f'"{clip(reference, _MAX_SHOWN_LENGTH)}" is not a valid reference'
            ) from None
        if resource is None:
            return None
        target = self._named.get(f"{uri}#{unquote(fragment)}") if fragment else resource
        if target is None and fragment.startswith("/"):
            target = _below(resource, fragment)
        if target is None:
            raise UnresolvedError(
                "SR114",
                f'"{clip(reference, _MAX_SHOWN_LENGTH)}" cannot be resolved: the schema has no such part',
            )
        return target

    def _resource(self, uri: str, reference: str, origin: SchemaDocument) -> Target | None:
        """Return the document, or the part of a document, with this URI."""
        if uri in self._named:
            return self._named[uri]
        document = self._documents.get(uri) or self._file(uri, reference, origin)
        if document is None:
            return None
        return root_of(document, uri)

    def _file(self, uri: str, reference: str, origin: SchemaDocument) -> SchemaDocument | None:
        path = file_path(uri)
        published = metaschema(uri) if path is None else None
        if published is not None:
            source, dialect = published
            return self.add(uri, source.data, dialect, SourceLocation(source))
        if path is None:
            # A file's own $id is never fetched: resolve the reference against the file's path instead.
            plain = urldefrag(reference)[0]
            path = None if urlsplit(plain).scheme else file_path(resolve_uri(origin.uri, plain))
            if path is None or not self.reader.allows(path) or self.reader.kind(path) is not FileKind.FILE:
                message = f'"{clip(reference, _MAX_SHOWN_LENGTH)}" is not a local file'
                raise UnresolvedError("SR113", message, NOT_FETCHED)
        document = self.read(path, self._name(path, origin), origin.dialect)
        self._documents.setdefault(uri, document)
        return document

    def _name(self, path: str, origin: SchemaDocument) -> str:
        """Return a file's path, relative or absolute like that of the file that refers to it."""
        folder = os.path.dirname(origin.location.source.path)  # noqa: PTH120 - pathlib would lose its spelling
        absolute_folder = os.path.dirname(self.absolute(origin.location.source.path))  # noqa: PTH120 - as above
        return os.path.normpath(os.path.join(folder, os.path.relpath(path, absolute_folder)))  # noqa: PTH118 - as above


def _has_uri(schema: dict[str, Any], dialect: Dialect) -> bool:
    """Whether a schema's ``$id`` is a URI; in draft-07 it may be only an anchor."""
    identifier = schema.get("$id")
    return (
        isinstance(identifier, str)
        and identifier[:1] not in ("", "#")
        and not hides_siblings(schema, dialect)
    )


def root_of(document: SchemaDocument, uri: str) -> Target:
    """Return the root of a document, with the base URI that applies when it is retrieved as ``uri``."""
    return Target(document, (), document.root, base_below(document.root, uri, document.dialect))


def _below(resource: Target, pointer: str) -> Target | None:
    """Resolve a JSON pointer, or return None. Source: https://www.rfc-editor.org/rfc/rfc6901"""
    document, path, value, base = resource.document, resource.path, resource.value, resource.base
    for raw in unquote(pointer).split("/")[1:]:
        step = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and step in value:
            value, path = value[step], (*path, step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value, path = value[int(step)], (*path, int(step))
        else:
            return None
        base = base_below(value, base, document.dialect)
    return Target(document, path, value, base)


def file_uri(path: str) -> str:
    """Return the file URI of an absolute path."""
    return f"file://{quote(path)}"


def file_path(uri: str) -> str | None:
    """Return the absolute path of a file URI, or None for any other URI."""
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        return None
    return os.path.normpath(unquote(parts.path))


def unknown_dialect(location: SourceLocation, name: str) -> Finding:
    """Return the finding about an unsupported ``$schema``."""
    advice = f"write {Dialect.DRAFT_2020_12} or {Dialect.DRAFT_07}"
    return location.finding(
        "SR115", f'unsupported dialect "{clip(name, _MAX_SHOWN_LENGTH)}"', at=("$schema",), help=advice
    )
