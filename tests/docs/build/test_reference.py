"""The reference is generated from the code: its pages in the tree are current, and complete."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click
import pytest

import streamroute
from streamroute.cli.main import streamroute as command_line
from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.config.json_schema import schema_text
from streamroute.docs.build.attributes import named_attribute_docs
from streamroute.docs.build.key_types import type_in_words
from streamroute.docs.build.markdown import code, docstring, table
from streamroute.docs.build.reference import reference_pages, stale_topics, write_reference
from streamroute.docs.build.rules import rule_pages
from streamroute.docs.build.signatures import annotation, signature
from streamroute.manual.pages import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

PAGES = reference_pages()


def test_the_pages_in_the_tree_are_current() -> None:
    stale = stale_topics(FOLDER, PAGES)
    assert stale == [], "run: python -m streamroute.docs.build reference"


def test_pages_are_written_once_and_those_of_removed_commands_are_deleted(tmp_path: Path) -> None:
    gone = tmp_path / "reference/commands/gone.md"
    gone.parent.mkdir(parents=True)
    gone.write_text("# gone\n")
    assert set(write_reference(tmp_path)) == PAGES.keys() | {"reference/commands/gone"}
    assert not gone.exists()
    assert write_reference(tmp_path) == []


def test_every_key_has_its_heading_type_and_example() -> None:
    definitions = json.loads(schema_text())["$defs"]
    text = PAGES["reference/keys"]
    for section in ("stream", "route", "message"):
        for key in definitions[section]["properties"]:
            assert f"\n### {section}: {key}\n" in text
    for description in text.split("\n### ")[1:]:
        assert re.search(r"^Type: .+\.", description, re.MULTILINE), description
        assert "```yaml\n" in description, description


@pytest.mark.parametrize("owner", ["Application", "Publisher"])
def test_methods_of_bases_that_are_not_public_are_described(owner: str) -> None:
    text = PAGES["reference/python"]
    assert all(f"\n#### {owner}.{method}\n" in text for method in ("publish", "publish_many"))


def test_every_command_and_option_is_described() -> None:
    context = click.Context(command_line)
    for name in command_line.list_commands(context):
        command = command_line.get_command(context, name)
        assert command is not None
        page = PAGES[f"reference/commands/{name}"]
        assert f"[`streamroute {name}`](commands/{name}.md)" in PAGES["reference/commands"]
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[0] in page


def test_every_public_name_has_its_signature_and_text() -> None:
    for name in set(streamroute.__all__) - {"__version__"}:
        assert f"\n### streamroute.{name}\n" in PAGES["reference/python"]


def test_every_public_name_that_a_program_uses_has_an_example() -> None:
    """Handlers are named in YAML, and shown in the guide; a plain exception has nothing but its name."""
    described = re.split(
        r"^### ", PAGES["reference/python"].split("\n## streamroute.handlers\n")[0], flags=re.MULTILINE
    )
    without = {text.partition("\n")[0] for text in described[1:] if "```pycon\n" not in text}
    assert without == {
        *(f"streamroute.{name}Error" for name in ("Decode", "Encode", "RedisUnavailable", "RoutesFailed")),
        *(f"streamroute.{name}Error" for name in ("Setup", "Streamroute", "StuckHandler")),
        "streamroute.testing.NotSettledError",
        "streamroute.Delivery",
        "streamroute.StreamStorageProtocol",
    }


def test_no_page_shows_an_address_of_an_object() -> None:
    assert [topic for topic, text in PAGES.items() if re.search(r" at 0x|<function|<factory", text)] == []


def test_every_rule_has_a_page() -> None:
    pages = rule_pages()
    assert set(pages) == {f"reference/rules/{code}" for code in ALL_RULES}
    assert "# streamroute: ignore[SR203] why" in pages["reference/rules/SR203"]
    assert "cannot be suppressed" in pages["reference/rules/SR001"]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 1000}, "whole number from 1 to 1,000"),
        ({"anyOf": [{"type": "boolean"}, {"$ref": "#/$defs/variable"}]}, "boolean"),
        ({"type": ["string", "array"], "items": {"type": "string"}}, "string or list of strings"),
        ({"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"}, "duration"),
        ({"type": ["object", "null"]}, "mapping"),
        ({"enum": ["a", "b"]}, "`a` or `b`"),
    ],
)
def test_types_are_said_in_words(schema: dict[str, Any], words: str) -> None:
    assert type_in_words(schema) == words


async def called(
    first: int, *, callback: Any = docstring, word: str = "x", number: float | None = None, size: int = 1
) -> str:
    """See the tests."""
    return ""


def test_a_long_signature_has_a_line_for_each_parameter() -> None:
    assert signature("called", called) == (
        "async def called(\n    first: int,\n    *,\n    callback: Any = docstring,\n    word: str = 'x',\n"
        "    number: float | None = None,\n    size: int = 1,\n) -> str"
    )
    assert signature("table", table).startswith("def table(head: ")
    assert annotation("'Path | str'") == "Path | str"
    assert annotation("Literal['a']") == "Literal['a']"


def test_a_docstring_becomes_markdown() -> None:
    text = "Do it.\n\n    ``one``, ``two``\n        What they\n        are.\n    ``three``\n        More.\n\n"
    text += "    See ``x``.\n"
    assert docstring(text) == "Do it.\n\n- `one`, `two`: What they are.\n- `three`: More.\n\nSee `x`."


def test_code_and_cells_are_escaped() -> None:
    assert code("a `b` c") == "`` a `b` c ``"
    assert table(("a|b",), [("c\nd",)]) == "| a\\|b |\n| --- |\n| c d |"


class _Documented:
    one = 1
    """The first."""
    two: int = 2
    three: int
    """The third."""


def test_docstrings_of_attributes_are_read() -> None:
    assert dict(named_attribute_docs(_Documented)) == {"one": "The first.", "three": "The third."}
