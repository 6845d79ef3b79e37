"""Read schema files: YAML if the suffix is .yaml or .yml, else JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml

from streamroute.config.files.loader import LoadedFile, load_file
from streamroute.config.findings.finding import Finding
from streamroute.config.findings.rules import RULES
from streamroute.config.findings.text_file import TextFile
from streamroute.config.yaml.positions import YamlNode, build_nodes
from streamroute.config.yaml.source import SourceFile
from streamroute.system.files import FileReader
from streamroute.text.json_problems import long_number, long_number_message, nesting_offset

_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_KEY: Final = re.compile(r'("(?:[^"\\]|\\.)*+"?)(\s*+:)?', re.DOTALL)
_MAX_DEPTH: Final = 128
_TOO_DEEP: Final = f"objects and lists are nested deeper than {_MAX_DEPTH} levels"
_NO_SCHEMA: Final = "a schema is a mapping, such as {type: object}"


class JsonSource(SourceFile):
    """A JSON text; positions come from parsing it as YAML, which is nearly a superset of JSON."""

    @cached_property
    def _root(self) -> YamlNode:
        # Overwrite what YAML would reject, without changing any offset.
        text = _SURROGATE.sub("\\\\u0020", self.text).replace("\t", " ")
        try:
            return build_nodes(text)
        except yaml.YAMLError:
            return YamlNode(0, 0)


def load_schema_file(path: Path, name: str, reader: FileReader) -> LoadedFile:
    """Read a schema file, shown as ``name`` in findings; the data of the source is a mapping."""
    if path.suffix.lower() not in {".yaml", ".yml"}:
        return load_file(path, name, load_json, reader)
    loaded = load_file(path, name, files=reader)
    if any(RULES[finding.code].is_unusable_file for finding in loaded.findings):
        return _refused(loaded.file, "the file contains no schema", advice=_NO_SCHEMA)
    return loaded


def load_json(text: str, name: str) -> LoadedFile:
    """Read a JSON text that contains an object."""
    file = TextFile(name, text)
    offset = nesting_offset(text, _MAX_DEPTH)
    if offset is not None:
        return LoadedFile(file, None, (file.finding("SR011", _TOO_DEEP, file.between(offset, offset + 1)),))
    repeated: list[str] = []
    try:
        data = _decode(text, repeated)
    except json.JSONDecodeError as error:
        return _refused(file, f"the file is not JSON: {error.msg[:1].lower()}{error.msg[1:]}", error.pos)
    except ValueError as error:
        number = long_number(text)
        if number is not None:
            return _refused(file, f"the file contains {long_number_message(number)} here", number.start())
        return _refused(file, f"the file is not JSON: {error}")
    if not isinstance(data, dict):
        return _refused(file, "the file contains no schema", advice=_NO_SCHEMA)
    source = JsonSource(name, text, data)
    return LoadedFile(source, source, tuple(_duplicates(source, repeated)))


def _decode(text: str, repeated: list[str]) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(items)
        if len(mapping) < len(items):
            counts = Counter(key for key, _ in items)
            repeated.extend(key for key, count in counts.items() if count > 1)
        return mapping

    return json.loads(text, object_pairs_hook=pairs, parse_constant=_refuse_constant)


def _duplicates(source: SourceFile, repeated: list[str]) -> Iterator[Finding]:
    if not repeated:
        return
    # The JSON decoder gives no position: search the text for the key's second occurrence.
    second: dict[str, int | None] = {}
    for match in _KEY.finditer(source.text):
        key = json.loads(match[1]) if match[2] else None
        if key is None:
            continue  # a value
        if key not in second:
            second[key] = None
        elif second[key] is None:
            second[key] = match.start()
    for key in repeated:
        start = second.get(key) or 0
        span = source.between(start, start + len(key) + 2)
        yield source.finding("SR006", f'duplicate key "{key}" in an object', span)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _refused(file: TextFile, message: str, at: int = 0, *, advice: str | None = None) -> LoadedFile:
    return LoadedFile(file, None, (file.finding("SR111", message, file.between(at, at), help=advice),))
