"""What must be true of every page in a browser; ``page_checks.js`` finds the places that break it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from chromium import Window

_SCRIPT: Final = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def overflow(window: Window) -> list[str]:
    """Return the elements that make the page wider than the window."""
    return _places(window, "overflow")


def low_contrast(window: Window) -> list[str]:
    """Return the texts whose contrast is below WCAG AA (4.5:1) by their computed colours."""
    return _places(window, "lowContrast")


def bad_structure(window: Window) -> list[str]:
    """Return inputs without labels, tables without headers, and other markup that people cannot use."""
    return _places(window, "badStructure")


def hidden_focus(window: Window) -> list[str]:
    """Return the focused element if nothing shows that it has the focus."""
    return _places(window, "hiddenFocus")


def _places(window: Window, function: str) -> list[str]:
    found = window.ask(f"{_SCRIPT}\nreturn {function}();")
    assert isinstance(found, list)
    return found
