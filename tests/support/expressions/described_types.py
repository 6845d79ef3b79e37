"""A type as one line of text, for tests that compare everything known about it."""

from __future__ import annotations

import json

from streamroute.expressions.types.algebra.json_types import NEVER, UNKNOWN, Literals, Shape, Type

_SIGNS = {0: "", 1: " assumed", 2: " uncertain"}


def described(t: Type, depth: int = 3) -> str:
    """``null | "gold" | [number] | {id: string, note?: null}``; ~ marks kinds that may be empty."""
    if t is UNKNOWN:
        return "unknown"
    if t is NEVER:
        return "never"
    parts = ["null"] if t.null else []
    parts += [json.dumps(value) for value in sorted(t.booleans)]
    parts += _literals("number", t.numbers)
    parts += _literals("string", t.strings)
    if t.items is not None:
        parts.append(f"[{described(t.items.get(), depth - 1) if depth else '...'}]")
    parts += sorted(_shape(shape, depth) for shape in t.objects)
    parts += ["expref"] if t.expref else []
    empty = "".join(f" ~{kind}" for kind in sorted(t.empty))
    return (" | ".join(parts) or "nothing") + empty + _SIGNS[t.uncertainty]


def _literals(kind: str, values: Literals) -> list[str]:
    return [kind] if values is None else sorted(map(json.dumps, values))


def _shape(shape: Shape, depth: int) -> str:
    if not depth:
        return "{...}"
    fields = [
        f"{name}{'' if found.required else '?'}: {described(found.type.get(), depth - 1)}"
        for name, found in shape.properties.items()
    ]
    if shape.rest is not None:
        fields.append(f"*: {described(shape.rest.get(), depth - 1)}")
    facts = [word for word in ("declared", "loose", "envelope") if getattr(shape, word)]
    return "{" + ", ".join(fields) + "}" + "".join(f" {fact}" for fact in facts)
