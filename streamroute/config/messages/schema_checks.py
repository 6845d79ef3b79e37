"""Check the schemas of a catalogue: their form, references and patterns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from streamroute.config.findings.finding import Finding
from streamroute.config.findings.quoting import quote_value
from streamroute.config.messages.dialects import Dialect
from streamroute.config.messages.ignored_keywords import ignored_keywords
from streamroute.config.messages.keywords import (
    IN_PLACE,
    SchemaNode,
    base_below,
    hides_siblings,
    subschemas,
    walk,
)
from streamroute.config.messages.metaschema import schema_problems
from streamroute.config.messages.schema_registry import (
    SchemaDocument,
    SchemaRegistry,
    Target,
    UnresolvedError,
    root_of,
)
from streamroute.config.regex.matching import pattern_for
from streamroute.config.regex.syntax import RegexError
from streamroute.config.yaml.source import DataPath, Part
from streamroute.text.truncation import clip

_DYNAMIC: Final = ("$dynamicRef", "$recursiveRef")
_MAX_SHOWN_LENGTH: Final = 56  # characters of a pattern that a finding shows
_ONE_WAY: Final = (
    "matching may take exponential time; rewrite the pattern so that each text matches in only one way"
)
_NAMES: Final = {Dialect.DRAFT_07: "draft-07", Dialect.DRAFT_2020_12: "2020-12"}
_MAX_WORK: Final = 1_500_000
"""Limit on the pattern parts examined: a few seconds of work."""
Key = tuple[str, int]


@dataclass(slots=True)
class SchemaCheck:
    """Checks schemas and the targets of their references, each once."""

    registry: SchemaRegistry
    findings: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    _pattern_work: int = 0
    _seen: dict[Key, tuple[SchemaDocument, SchemaNode]] = field(default_factory=dict)
    _targets: dict[Key, Key] = field(default_factory=dict)

    def check(self, document: SchemaDocument) -> bool:
        """Check the document's root and all its reference targets; return whether they are valid."""
        known = len(self.findings)
        waiting = [root_of(document, document.uri)]
        while waiting:
            waiting += self._schema(waiting.pop())
        return len(self.findings) == known

    def _schema(self, at: Target) -> list[Target]:
        """Check one schema; return the targets of its references."""
        if (at.base, id(at.value)) in self._seen:
            return []
        problems = schema_problems(at.value, at.document.dialect)
        for problem in problems:
            path, suggestion = (*at.path, *problem.path), problem.suggestion
            location = at.document.location
            self.findings.append(location.finding("SR112", problem.message, at=path, suggestion=suggestion))
        if problems:
            return []
        return [target for node in self._new_nodes(at) for target in self._node(at.document, node)]

    def _new_nodes(self, at: Target) -> Iterator[SchemaNode]:
        for node in walk(at.value, at.path, at.base, at.document.dialect):
            key = _key(node)
            if key not in self._seen:
                self._seen[key] = (at.document, node)
                yield node

    def _node(self, document: SchemaDocument, node: SchemaNode) -> Iterator[Target]:
        self._check_patterns(document, node)
        for keyword, ignored, advice in ignored_keywords(node.schema, document.dialect):
            message = f'"{keyword}" is ignored: {_NAMES[document.dialect]} does not use {ignored}'
            at = (*node.path, keyword)
            self.warnings.append(document.location.finding("SR118", message, at=at, on="key", help=advice))
        for keyword in _DYNAMIC:
            if keyword in node.schema:
                message, at = f'"{keyword}" is not supported', (*node.path, keyword)
                self.findings.append(document.location.finding("SR115", message, at=at, help="write $ref"))
        reference = node.schema.get("$ref")
        target = self._target(document, node, reference) if isinstance(reference, str) else None
        if target is not None:
            self._targets[_key(node)] = (target.base, id(target.value))
            yield target

    def _check_patterns(self, document: SchemaDocument, node: SchemaNode) -> None:
        pattern = node.schema.get("pattern")
        if isinstance(pattern, str):
            self._check_pattern(document, pattern, (*node.path, "pattern"), "value")
        by_name = node.schema.get("patternProperties")
        for name in by_name if isinstance(by_name, dict) else ():
            self._check_pattern(document, name, (*node.path, "patternProperties", name), "key")

    def _check_pattern(self, document: SchemaDocument, pattern: str, at: DataPath, on: Part) -> None:
        if self._pattern_work > _MAX_WORK:
            return
        quoted, location = quote_value(clip(pattern, _MAX_SHOWN_LENGTH)), document.location
        try:
            known = pattern_for(pattern)
        except RegexError as error:
            message = f"{quoted} is not a supported regular expression: {error}"
            self.findings.append(location.finding("SR112", message, at=at, on=on))
            return
        if known.effort.is_exponential:
            message = f"{quoted} has nested repetitions, so it can match a text in many ways"
            self.warnings.append(location.finding("SR119", message, at=at, on=on, help=_ONE_WAY))
        self._pattern_work += known.work
        if self._pattern_work > _MAX_WORK:
            message = "the patterns of all schemas up to this one take too long to compile"
            self.findings.append(location.finding("SR120", message, at=at, on=on))

    def _target(self, document: SchemaDocument, node: SchemaNode, reference: str) -> Target | None:
        at = (*node.path, "$ref")
        try:
            target = self.registry.lookup(reference, node.base, document)
        except UnresolvedError as error:
            self.findings.append(document.location.finding(error.code, str(error), at=at, help=error.help))
            return None
        if target is not None and target.document.dialect is not document.dialect:
            message = f'"{clip(reference, _MAX_SHOWN_LENGTH)}" has a different dialect than this schema'
            self.findings.append(
                document.location.finding("SR115", message, at=at, help="use the same $schema in both")
            )
            return None
        return target

    def endless_references(self) -> Iterator[Finding]:
        """Yield findings about reference cycles that never descend into the value."""
        done: set[Key] = set()
        for start in self._targets:
            yield from self._follow(start, done)

    def _follow(self, start: Key, done: set[Key]) -> Iterator[Finding]:
        """Walk depth first from ``start``; a schema that is already on the path closes a cycle."""
        path = {} if start in done else {start: self._in_place(start)}
        while path:
            current = next(reversed(path))
            following = next(path[current], None)
            if following is None:
                del path[current]
                done.add(current)
            elif following in path:
                document, node = self._seen[current]
                message = "the schema only refers to itself, so validation would never end"
                yield document.location.finding("SR116", message, at=node.path)
            elif following in self._seen and following not in done:
                path[following] = self._in_place(following)

    def _in_place(self, key: Key) -> Iterator[Key]:
        """Yield the keys of the schemas that apply to the same value as this one."""
        document, node = self._seen[key]
        if key in self._targets:
            yield self._targets[key]
        if hides_siblings(node.schema, document.dialect):
            return
        for steps, part in subschemas(node.schema):
            if steps[0] in IN_PLACE and isinstance(part, dict):
                yield (base_below(part, node.base, document.dialect), id(part))


def _key(node: SchemaNode) -> Key:
    return (node.base, id(node.schema))
