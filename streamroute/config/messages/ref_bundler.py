"""Bundle a schema with all its reference targets into one document without external references."""

from __future__ import annotations

from typing import Any, Final

from streamroute.config.messages.dialects import Dialect
from streamroute.config.messages.keywords import (
    SCHEMA_LIST,
    SCHEMA_MAP,
    SINGLE_SCHEMA,
    SchemaNode,
    base_below,
    hides_siblings,
    walk,
)
from streamroute.config.messages.schema_registry import SchemaDocument, SchemaRegistry, Target, root_of
from streamroute.config.yaml.source import DataPath

_ADDRESSES: Final = frozenset({"$anchor", "$dynamicAnchor", "$id", "$schema", "$vocabulary"})
_NOTES: Final = frozenset({"contentEncoding", "contentMediaType", "contentSchema", "format"})
"""Keywords that describe a string: dropped, because validators disagree on whether they check it."""


def bundle(document: SchemaDocument, registry: SchemaRegistry) -> dict[str, Any]:
    """Return the document's schema, already checked, without its URIs, anchors and annotations of strings."""
    return _Bundle(document, registry).build()


class _Bundle:
    def __init__(self, document: SchemaDocument, registry: SchemaRegistry) -> None:
        self.document = document
        self.registry = registry
        self.definitions_key = "definitions" if document.dialect is Dialect.DRAFT_07 else "$defs"
        start = root_of(document, document.uri)
        # A reference may point to a value that is not under a schema keyword; it is copied separately.
        self.own_schemas = {id(node.schema) for node in walk(start.value, (), start.base, document.dialect)}
        self.names: dict[tuple[str, DataPath], str] = {}
        self.pending: list[tuple[str, Target]] = []

    def build(self) -> dict[str, Any]:
        start = root_of(self.document, self.document.uri)
        root = self._copy(start.value, start.base, self.document)
        added: dict[str, Any] = {}
        while self.pending:
            name, target = self.pending.pop()
            added[name] = self._copy(target.value, target.base, target.document)
        result = {"$schema": str(self.document.dialect), **root}
        if added:
            result[self.definitions_key] = {**result.get(self.definitions_key, {}), **added}
        return result

    def _copy(self, schema: Any, base: str, document: SchemaDocument) -> Any:
        """Copy a schema, inner schemas first: the nesting may exceed Python's recursion limit."""
        nodes = list(walk(schema, (), base, document.dialect))
        copies: dict[tuple[int, str], Any] = {}
        for node in reversed(nodes):
            copies[id(node.schema), node.base] = {
                keyword: self._copy_value(keyword, value, node, document, copies)
                for keyword, value in self._kept_keywords(node.schema, document).items()
            }
        return copies.get((id(schema), base), schema)

    def _kept_keywords(self, schema: dict[str, Any], document: SchemaDocument) -> dict[str, Any]:
        kept = schema.keys() - _ADDRESSES - _NOTES
        if hides_siblings(schema, document.dialect):
            # The keywords beside $ref are ignored, but other references may point into the definitions.
            kept &= {"$ref", "$defs", "definitions"}
        return {keyword: value for keyword, value in schema.items() if keyword in kept}

    def _copy_value(
        self,
        keyword: str,
        value: Any,
        node: SchemaNode,
        document: SchemaDocument,
        copies: dict[tuple[int, str], Any],
    ) -> Any:
        def inner(part: Any) -> Any:
            return copies.get((id(part), base_below(part, node.base, document.dialect)), part)

        if keyword == "$ref":
            return self._reference(value, node.base, document)
        if keyword in SCHEMA_MAP and isinstance(value, dict):
            return {name: inner(part) for name, part in value.items()}
        if keyword in SCHEMA_LIST and isinstance(value, list):
            return [inner(part) for part in value]
        return inner(value) if keyword in SINGLE_SCHEMA else value

    def _reference(self, reference: str, base: str, document: SchemaDocument) -> str:
        target = self.registry.lookup(reference, base, document)
        assert target is not None  # noqa: S101 - the check has followed it already
        if target.document is self.document and id(target.value) in self.own_schemas:
            return _pointer(target.path)
        key = (target.document.uri, target.path)
        if key not in self.names:
            self.names[key] = name = f"{len(self.names)}:{'/'.join(map(str, target.path))}"
            self.pending.append((name, target))
        return _pointer((self.definitions_key, self.names[key]))


def _pointer(path: DataPath) -> str:
    steps = (str(step).replace("~", "~0").replace("/", "~1").replace("%", "%25") for step in path)
    return "".join(["#", *(f"/{step}" for step in steps)])
