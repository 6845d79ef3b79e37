"""The site's pages as Sphinx and MyST read them, and the settings of the build."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from streamroute import __version__
from streamroute.docs.build.site.pages import children_of, rooms_of
from streamroute.manual.addresses import RAW_FILES, REPOSITORY, SITE

_FENCE: Final = re.compile(r"^( *`{3,})(\w[\w-]*)", re.MULTILINE)
_PICTURE: Final = re.compile(rf"\({re.escape(RAW_FILES)}([\w/.-]+)\)")
_CHECKOUT: Final = Path(__file__).parents[4]
_SAME: Final = {"jsonl": "json"}
"""Languages that Pygments colors as another."""

SETTINGS: Final[Mapping[str, Any]] = {
    "project": "streamroute",
    "html_title": f"streamroute {__version__}",
    "extensions": ["myst_parser"],
    "myst_heading_anchors": 6,
    "html_theme": "furo",
    "html_baseurl": SITE,
    "html_copy_source": False,
    "html_use_index": False,
    "html_show_copyright": False,
    "html_show_sphinx": False,
    "html_static_path": [str(Path(__file__).parent / "static")],
    "html_css_files": ["site.css"],
    "html_theme_options": {
        "footer_icons": [{"name": "Source", "url": REPOSITORY, "html": "Source", "class": ""}],
        "top_of_page_buttons": [],
    },
    "pygments_style": "default",
    "suppress_warnings": ["misc.highlighting_failure"],  # a block may show what is wrong
}


def write_sources(folder: Path, pages: Mapping[str, str]) -> None:
    """Write the pages to a folder, with the navigation on the index and on pages that have others below."""
    for topic, markdown in pages.items():
        path = folder / f"{topic}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = _known_languages(_copy_pictures(markdown, folder))
        path.write_text(f"{_alone(topic)}{text}\n{_navigation(topic, pages)}", encoding="utf-8")


def _copy_pictures(markdown: str, folder: Path) -> str:
    """Copy the repository's pictures on a page beside the pages; return the page with their new places."""

    def copy(link: re.Match[str]) -> str:
        target = folder / "pictures" / link[1]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_CHECKOUT / link[1], target)
        return f"(/pictures/{link[1]})"

    return _PICTURE.sub(copy, markdown)


def _alone(topic: str) -> str:
    """Keep the many pages of rules out of the navigation, which every page has; the list links to them."""
    return "---\norphan: true\n---\n\n" if topic.startswith("reference/rules/") else ""


def _known_languages(markdown: str) -> str:
    return _FENCE.sub(lambda fence: f"{fence[1]}{_language(fence[2])}", markdown)


def _language(name: str) -> str:
    name = _SAME.get(name, name)
    try:
        get_lexer_by_name(name)
    except ClassNotFound:
        return "text"
    return name


def _navigation(topic: str, pages: Mapping[str, str]) -> str:
    if topic == "index":
        return "\n".join(_toctree(found, title) for title, found in rooms_of(pages))
    below = [each for each in children_of(topic, pages) if not _alone(each)]
    return _toctree(below) if below else ""


def _toctree(topics: Sequence[str], caption: str = "") -> str:
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(("```{toctree}", *options, "", *(f"/{topic}" for topic in topics), "```", ""))
