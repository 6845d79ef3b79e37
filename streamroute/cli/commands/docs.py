"""``streamroute docs``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamroute.cli.arguments.path_options import PATH
from streamroute.cli.output.streams import echo

if TYPE_CHECKING:
    from streamroute.manual.topics import FoundTopic

_WIDTH: Final = 80
_WIDEST: Final = 100
_SITE_VARIABLE: Final = "STREAMROUTE_DOCS"


@click.command(name="docs")
@click.argument("words", nargs=-1, metavar="[TOPIC]")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "markdown"]),
    default="text",
    show_default=True,
    help="Output format.",
)
@click.option("--open", "wants_site", is_flag=True, help="Open the page in a browser, if the site is built.")
@click.option(
    "--site",
    type=PATH,
    envvar=_SITE_VARIABLE,
    default="site",
    show_default=True,
    help=f"Folder of the built site, for --open; also {_SITE_VARIABLE}.",
)
def command(words: tuple[str, ...], output_format: str, wants_site: bool, site: str) -> None:
    """Show the documentation of TOPIC: a page, a command, a key, a rule or a Python name.

    Without TOPIC, list the pages; with a part such as guide, those of the part.

    \b
    Examples:
      streamroute docs guide/publish
      streamroute docs retry.delay
      streamroute docs dead retry
      streamroute docs SR203
      streamroute docs Publisher
    """
    topic = " ".join(words)
    if wants_site:
        _open_site(Path(site), _find(topic).page.topic if topic else "index")
    elif not topic:
        echo(_list())
    elif _is_part(topic):
        echo(_list(f"{topic.strip('/')}/"))
    else:
        _show(_find(topic), output_format)


def _is_part(topic: str) -> bool:
    from streamroute.manual.pages import ROOMS

    return topic.strip("/") in ROOMS


def _find(topic: str) -> FoundTopic:
    from streamroute.manual.topics import find_topic

    found = find_topic(topic) or _find_rule(topic)
    if found is None:
        raise click.UsageError(f'no page is about "{topic}"{_hint(topic)}')
    return found


def _find_rule(topic: str) -> FoundTopic | None:
    from streamroute.cli.output.rule_page import rule_page
    from streamroute.compiler.rules.registry import ALL_RULES
    from streamroute.manual.pages import FOLDER, ManualPage
    from streamroute.manual.topics import FoundTopic

    for rule in ALL_RULES.values():
        if topic.upper() == rule.code or topic.lower() == rule.name:
            markdown = rule_page(rule)
            page = ManualPage(f"reference/rules/{rule.code}", rule.name, rule.summary, FOLDER)
            return FoundTopic(page, markdown)
    return None


def _hint(topic: str) -> str:
    from streamroute.compiler.rules.registry import ALL_RULES
    from streamroute.manual.topics import pages_that_mention, suggest_topic
    from streamroute.text.suggestions import did_you_mean

    rules = [*ALL_RULES, *(rule.name for rule in ALL_RULES.values())] if topic[:2].upper() == "SR" else []
    suggestion = did_you_mean(topic.upper(), rules) or suggest_topic(topic)
    if suggestion:
        return f'; did you mean "{suggestion}"?'
    mentions = pages_that_mention(topic)
    if mentions:
        return f"; pages that mention it: {', '.join(mentions)}"
    return "; to list all pages: streamroute docs"


def _list(part: str = "") -> str:
    from streamroute.cli.output.layout import OutputLayout
    from streamroute.cli.output.table import table
    from streamroute.cli.output.tables.column import Column, Fit
    from streamroute.manual.pages import all_pages

    rows = [(page.topic, page.title) for page in all_pages() if page.topic.startswith(part)]
    return table((Column("topic", Fit.ID), Column("title", Fit.TEXT)), rows, OutputLayout.of(sys.stdout))


def _show(found: FoundTopic, output_format: str) -> None:
    from streamroute.cli.output.layout import OutputLayout
    from streamroute.cli.output.manual_page import render_page
    from streamroute.manual.blocks import without_comments

    if output_format == "markdown":
        echo(without_comments(found.markdown).strip())
        return
    layout = OutputLayout.of(sys.stdout)
    width = min(layout.width or _WIDTH, _WIDEST)
    echo(render_page(found.markdown, found.page.topic, width, color=layout.color))
    if found.others:
        echo(f"\nSee also: {', '.join(found.others)}")


def _open_site(site: Path, topic: str) -> None:
    """Open a page of the built site in a browser; without a site or a browser, print where it is."""
    import webbrowser

    from streamroute.manual.addresses import topic_url

    page = site / f"{topic}.html"
    if not page.is_file():
        echo(topic_url(topic))
        echo(
            f"note: there is no built site in {site}; in a clone, build it: "
            f"pip install '.[docs]' && python -m streamroute.docs.build site {site}",
            err=True,
        )
        return
    address = page.resolve().as_uri()
    if not (os.environ.get("DISPLAY") or sys.platform == "darwin") or not webbrowser.open(address):
        echo(address)
