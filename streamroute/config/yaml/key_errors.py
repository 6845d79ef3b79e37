"""Report a key that is not a string."""

from __future__ import annotations

from typing import Any

from streamroute.config.findings.collector import Extent, FindingCollector


def report_key(collector: FindingCollector, key: Any, where: Extent) -> str:
    """Report the key; return its text in the file, which replaces it as the key."""
    source = collector.file.text
    text = source[where[0] : where[1]].strip()
    if isinstance(key, (dict, list)):
        is_template = "$" in text or source[where[0] - 1 : where[0]] == "{"
        kind = "mapping" if isinstance(key, dict) else "list"
        collector.add("SR009", f"a {kind} cannot be a key", where, _TEMPLATE if is_template else _COLLECTION)
    elif not text:
        collector.add("SR009", "missing key", where)
    else:
        collector.add("SR009", f"a key must be a string, not {text}", where, f'quote it: "{text}"')
    return text


_TEMPLATE = "{{ }} is not expanded: write expressions without it, and variables as ${NAME}"
_COLLECTION = "a value that starts with { or [ must be quoted"
