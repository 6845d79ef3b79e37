"""The JSON-Schema-Test-Suite, from jsonschema's source distribution, and known departures from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outside_data import JSON_SCHEMA
from streamroute.compiler.validation.data_check import data_check
from streamroute.config.load import load_config
from streamroute.config.messages.dialects import Dialect

DIALECTS = {"draft7": Dialect.DRAFT_07, "draft2020-12": Dialect.DRAFT_2020_12}
DEPARTURES = Path(__file__).with_name("json_schema_departures.txt")

_CONFIG = """\
version: 1
streams: {s: }
messages: {t: {schema: schema.json}}
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that share a schema."""

    file: str
    title: str
    schema: Any
    cases: list[dict[str, Any]]


def files() -> list[str]:
    """Return the suite's files for the supported dialects; ``format`` is an annotation."""
    found = [path for name in DIALECTS for path in (JSON_SCHEMA / name).rglob("*.json")]
    return sorted(str(path.relative_to(JSON_SCHEMA)) for path in found if "format" not in path.parts)


def groups(file: str) -> Iterator[Group]:
    """Yield the groups of one file."""
    for group in json.loads((JSON_SCHEMA / file).read_text("utf-8")):
        yield Group(file, group["description"], group["schema"], group["tests"])


def departures(group: Group, folder: Path, *, fast: bool) -> Iterator[str]:
    """Yield each departure of this group, as a line of the list."""
    schema = group.schema
    if isinstance(schema, dict):
        schema = {"$schema": str(DIALECTS[group.file.partition("/")[0]]), **schema}
    (folder / "routes.yaml").write_text(_CONFIG)
    (folder / "schema.json").write_text(json.dumps(schema))
    loaded = load_config(folder / "routes.yaml")
    codes = sorted({found.code for found in loaded.findings if found.severity.value == "error"})
    if codes or loaded.document is None:
        yield f"{group.file} | {group.title} | refused: {' '.join(codes)}"
        return
    message = loaded.document.messages["t"].schema
    assert message is not None
    check = data_check(message, fast=fast)
    for case in group.cases:
        wrong = check(case["data"])
        if (wrong is None) is not case["valid"]:
            text = "valid" if wrong is None else "invalid"
            yield f"{group.file} | {group.title} | {case['description']} | {text}"


def known_departures() -> dict[str, list[str]]:
    """Return the recorded departures by file; a line starting with # explains the lines below it."""
    known: dict[str, list[str]] = {}
    for line in DEPARTURES.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            known.setdefault(line.partition(" | ")[0], []).append(line)
    return known
