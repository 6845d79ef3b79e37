"""``messages``: the types that a configuration declares, over all of its files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from streamroute.config.findings.finding import Finding
from streamroute.config.findings.quoting import quote_value
from streamroute.config.findings.text_file import TextFile
from streamroute.config.messages.dialects import Dialect, dialect_of
from streamroute.config.messages.ref_bundler import bundle
from streamroute.config.messages.schema_checks import SchemaCheck
from streamroute.config.messages.schema_registry import (
    NOT_FETCHED,
    NoSchemaFileError,
    SchemaDocument,
    SchemaRegistry,
    UnresolvedError,
    file_uri,
    unknown_dialect,
)
from streamroute.config.schema.explain.value_hints import NO_CLASS, is_class_name
from streamroute.config.yaml.source import SourceFile, SourceLocation
from streamroute.system.files import FileReader
from streamroute.text.suggestions import did_you_mean

Files = Sequence[tuple[SourceFile, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, eq=False)
class MessageSchema:
    """A valid JSON Schema and its dialect.

    ``root`` is self-contained: every reference is a JSON pointer into ``root``, and targets from other
    files are bundled in.
    """

    root: Mapping[str, Any]
    dialect: Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageConfig:
    """A message type; ``schema`` describes its data, or is None if the configuration gives no schema."""

    name: str
    location: SourceLocation
    description: str = ""
    schema: MessageSchema | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The result of reading ``messages``: the types by name, the findings, and the files."""

    messages: Mapping[str, MessageConfig]
    findings: tuple[Finding, ...] = ()
    files: tuple[TextFile, ...] = ()


def read_catalogue(files: Files, reader: FileReader) -> Catalogue:
    """Return the messages that ``files`` declare: the root file, which comes first, and its includes.

    ``reader`` reads the schema files.
    """
    if not any(data.get("messages") for _, data in files):
        return Catalogue({})
    reading = _CatalogueReader(SchemaRegistry(reader))
    messages = reading.messages(files)
    findings = (*reading.findings, *reading.registry.findings)
    return Catalogue(messages, findings, tuple(reading.registry.files))


class _CatalogueReader:
    """Reads the catalogue of one configuration."""

    def __init__(self, registry: SchemaRegistry) -> None:
        self.registry = registry
        self.findings: list[Finding] = []

    def messages(self, files: Files) -> dict[str, MessageConfig]:
        declared: dict[str, tuple[SourceLocation, Mapping[str, Any]]] = {}
        for location, settings in _declarations(files):
            name = str(location.path[-1])
            if name in declared:
                self.findings.append(_twice(name, location, declared[name][0]))
            else:
                declared[name] = (location, settings)
        # Load every document before following references: a reference may name any of them.
        documents = {name: self._document(*document) for name, document in declared.items()}
        check = SchemaCheck(self.registry)
        valid = {name: document for name, document in documents.items() if document and check.check(document)}
        self.findings += [*check.findings, *check.endless_references()]
        schemas = {} if self.findings or self.registry.findings else self._schemas(valid)
        self.findings += check.warnings
        return {
            name: MessageConfig(
                name=name,
                location=location,
                description=settings.get("description", ""),
                schema=schemas.get(name),
            )
            for name, (location, settings) in declared.items()
        }

    def _schemas(self, documents: Mapping[str, SchemaDocument]) -> dict[str, MessageSchema]:
        return {
            name: MessageSchema(bundle(document, self.registry), document.dialect)
            for name, document in documents.items()
        }

    def _document(self, location: SourceLocation, settings: Mapping[str, Any]) -> SchemaDocument | None:
        schema = settings.get("schema")
        if schema is None:
            return None
        schema_location = SourceLocation(location.source, (*location.path, "schema"))
        if isinstance(schema, str):
            return self._file(schema, schema_location)
        return self._inline(schema, schema_location)

    def _inline(self, schema: Mapping[str, Any], location: SourceLocation) -> SchemaDocument | None:
        dialect = dialect_of(schema)
        if dialect is None:
            self.findings.append(unknown_dialect(location, schema["$schema"]))
            return None
        # Relative references resolve against the file that contains the schema; "#" means the schema itself.
        base = file_uri(self.registry.absolute(location.source.path))
        return self.registry.add(f"{base}?message={quote(str(location.path[1]))}", schema, dialect, location)

    def _file(self, reference: str, location: SourceLocation) -> SchemaDocument | None:
        if re.match(r"\w+://", reference):
            self.findings.append(
                location.finding(
                    "SR113",
                    f"{quote_value(reference)} is not a local file",
                    help=NOT_FETCHED,
                )
            )
            return None
        folder = os.path.dirname(location.source.path)  # noqa: PTH120 - pathlib would lose the path's own spelling
        name = os.path.normpath(os.path.join(folder, reference))  # noqa: PTH118 - as above
        try:
            return self.registry.read(self.registry.absolute(name), name)
        except NoSchemaFileError as error:
            similar = _similar_file(reference, name, self.registry.reader)
            advice = NO_CLASS if is_class_name(reference) else error.help
            self.findings.append(location.finding("SR111", str(error), help=advice, suggestion=similar))
        except UnresolvedError as error:
            self.findings.append(location.finding(error.code, str(error), help=error.help))
        return None


def _declarations(files: Files) -> Iterator[tuple[SourceLocation, Mapping[str, Any]]]:
    for source, data in files:
        for name, settings in (data.get("messages") or {}).items():
            yield SourceLocation(source, ("messages", name)), settings or {}


def _twice(name: str, location: SourceLocation, first: SourceLocation) -> Finding:
    where = first.display_line(location.source, on="key")
    message = f'duplicate message type "{name}": first declared on {where}'
    return location.finding("SR110", message, on="key")


def _similar_file(reference: str, name: str, files: FileReader) -> str | None:
    """Return a similarly named file in the missing file's folder, spelled relative to ``reference``."""
    suggestion = did_you_mean(Path(name).name, sorted(files.listing(Path(name).parent)))
    return None if suggestion is None else str(Path(reference).with_name(suggestion))
