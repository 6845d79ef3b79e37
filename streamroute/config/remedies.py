"""What to write in the place of a value of the wrong type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from streamroute.config.scalars import read_plain
from streamroute.config.source import DataPath, SourceFile
from streamroute.config.verdict import compile_schema
from streamroute.config.violations import Violation
from streamroute.config.wording import quote

_TRUTH: Final = {"on": "true", "yes": "true", "off": "false", "no": "false"}
"""What YAML 1.1 calls a truth value, and YAML 1.2 a string."""

_NUMBER: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?|true|false")


@dataclass(frozen=True, slots=True)
class Remedy:
    """Advice for a person, and the text that belongs there without a doubt."""

    advice: str | None = None
    fix: str | None = None


def type_remedy(source: SourceFile, violation: Violation, types: list[str], *, is_replaced: bool) -> Remedy:
    """What to do where one of ``types`` is wanted; what a variable gave (``is_replaced``) stays secret."""
    if isinstance(violation.value, (dict, list)):
        raw = source.raw(violation.path)
        return Remedy(f"quote the whole of it: {quote(raw)}" if path_is_expression(violation.path) else None)
    if is_replaced:
        return Remedy()
    if "string" in types:
        return _to_string(source, violation)
    if types == ["boolean"]:
        return _to_truth(source, violation)
    return _to_number(source, violation) if types in (["integer"], ["number"]) else Remedy()


def path_is_expression(path: DataPath) -> bool:
    """Whether a JMESPath expression is wanted at a path."""
    return path[-1:] in (("filter",), ("transform",), ("order_by",)) or path[-2:] == ("dedupe", "key")


def _to_string(source: SourceFile, violation: Violation) -> Remedy:
    raw, pattern = source.raw(violation.path), violation.schema.get("pattern", "")
    if re.search(pattern, raw):
        is_expression = path_is_expression(violation.path)  # a number in quotes is none
        return Remedy(
            f"quote it: {quote(raw)}", None if is_expression else _in_place(source, violation, quote(raw))
        )
    lacks_unit = re.search(pattern, f"{raw}s") and not isinstance(violation.value, bool)
    return Remedy(f"write a unit: {raw}s" if lacks_unit else None)


def _to_truth(source: SourceFile, violation: Violation) -> Remedy:
    value = str(violation.value)
    if value in {"true", "false"}:
        return Remedy("write it without quotes", _in_place(source, violation, value))
    meant = _TRUTH.get(value.lower())
    return Remedy(f"write {meant}", _in_place(source, violation, meant)) if meant else Remedy()


def _to_number(source: SourceFile, violation: Violation) -> Remedy:
    value = violation.value
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return Remedy()
    is_valid = compile_schema(violation.schema)(read_plain(value))
    return Remedy("write it without quotes", _in_place(source, violation, value) if is_valid else None)


def _in_place(source: SourceFile, violation: Violation, text: Any) -> str | None:
    """The text, if it can stand where the value is written: an alias or a tag may mean more than one."""
    written = source.written(violation.path)
    is_simple = "\n" not in written and written[:1] not in {"*", "&", "!"}
    return text if is_simple else None
