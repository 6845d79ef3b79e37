"""A page as a person sees it: its text by lines, its links, and its forms with their fields and buttons."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_LINES: Final = frozenset({"h1", "h2", "p", "tr", "caption", "dt", "form", "li", "pre", "br", "div"})
_CELLS: Final = frozenset({"td", "th", "dd"})
_SILENT: Final = frozenset({"head", "script", "style", "svg", "header", "footer", "option"})


@dataclass(slots=True)
class Form:
    """A form: where it is sent, the values of its fields, and the text of its button."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    button: str = ""


class WebPage(HTMLParser):
    """A page. ``links`` are addresses by their texts; the first of a text counts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.forms: list[Form] = []
        self._parts: list[str] = []
        self._silent: list[str] = []
        self._link: tuple[str, list[str]] | None = None
        self._form: Form | None = None
        self._in_button = False
        self._in_pre = False
        self.feed(html)
        self.close()

    @property
    def lines(self) -> list[str]:
        """What the page shows, cells of one line separated by bars."""
        lines = (_line(text) for text in "".join(self._parts).split("\n"))
        return [line for line in lines if line.strip(" |")]

    def form(self, button: str) -> Form:
        """Return the form with this button."""
        return next(form for form in self.forms if form.button == button)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a line, a cell, a link or a form."""
        given = {name: value or "" for name, value in attrs}
        if tag in _SILENT:
            self._silent.append(tag)
        if tag in _LINES:
            self._parts.append("\n")
        if tag in _CELLS:
            self._parts.append(" | ")
        match tag:
            case "a":
                self._link = (given.get("href", ""), [])
            case "form":
                self._form = Form(given.get("action", ""), given.get("method", "get"))
                self.forms.append(self._form)
            case "input" if self._form is not None:
                self._form.fields[given["name"]] = given.get("value", "")
                if given.get("type") not in ("hidden", "password"):
                    self._parts.append(f" [{given.get('value', '')}]  ")
            case "button":
                self._in_button = True
                self._say(" [")
            case "pre":
                self._in_pre = True

    def handle_endtag(self, tag: str) -> None:
        """End what began with the tag."""
        match tag:
            case "a" if self._link is not None:
                address, words = self._link
                self.links.setdefault(" ".join("".join(words).split()), address)
                self._link = None
            case "form":
                self._form = None
            case "button":
                self._in_button = False
                self._say("] ")
            case "pre":
                self._in_pre = False
        if tag in _LINES - {"dt"}:
            self._parts.append("\n")
        if self._silent and tag == self._silent[-1]:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        """Take the text of the page."""
        if self._link is not None:
            self._link[1].append(data)
        if self._in_button and self._form is not None:
            self._form.button += data.strip()
        if self._in_pre:
            self._say("".join(f"\0{line}\n" for line in data.splitlines()))
        else:
            self._say(re.sub(r"\s+", " ", data))

    def _say(self, text: str) -> None:
        if not self._silent:
            self._parts.append(text)


def _line(text: str) -> str:
    """Return a line without the bars and blanks around it; one of preformatted text as it is."""
    return text.replace("\0", "") if "\0" in text else re.sub(r"^[| ]+|[| ]+$", "", text)
