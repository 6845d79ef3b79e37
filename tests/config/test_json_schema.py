"""The published schema: complete for editors, and in the dialect that they share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from repository import DOCS
from streamroute.config.json_schema import TESTS, checked_schema, schema_text
from streamroute.config.messages.dialects import Dialect
from streamroute.config.messages.keywords import walk
from streamroute.config.schema.fast_validator import ANNOTATIONS, compile_schema, document_validator

SCHEMA: dict[str, Any] = json.loads(schema_text())
OF_TESTS: dict[str, Any] = json.loads(schema_text(TESTS))


def properties(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property that the schema describes, by its path."""
    if isinstance(node, list):
        for item in node:
            yield from properties(item, path)
    if isinstance(node, dict):
        for key, schema in node.get("properties", {}).items():
            yield f"{path}/{key}", schema
        for key, part in node.items():
            if key not in {"default", "examples", "defaultSnippets"}:
                yield from properties(part, f"{path}/{key}")


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        target: dict[str, Any] = SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        return target
    return schema


@pytest.mark.parametrize(("path", "schema"), [*properties(SCHEMA), *properties(OF_TESTS)])
def test_every_key_has_a_title_a_description_and_examples_that_are_valid(
    path: str, schema: dict[str, Any]
) -> None:
    schema = resolved(schema)
    assert schema["title"]
    assert schema["description"].endswith(".")
    validator = Draft202012Validator({**schema, "$defs": SCHEMA["$defs"]})
    examples = schema["examples"]
    assert examples
    for example in [*examples, *([schema["default"]] if "default" in schema else [])]:
        validator.validate(example)


@pytest.mark.parametrize("schema", [SCHEMA, OF_TESTS])
def test_the_schema_is_valid_in_both_dialects(schema: dict[str, Any]) -> None:
    for dialect in (Draft202012Validator, Draft7Validator):
        assert list(dialect(dialect.META_SCHEMA).iter_errors(schema)) == []


@pytest.mark.parametrize("schema", [SCHEMA, OF_TESTS])
def test_the_keywords_of_editors_are_those_that_the_documentation_names(schema: dict[str, Any]) -> None:
    """A strict validator such as ajv refuses keywords that it does not know, unless they are named to it."""
    known = set(Draft202012Validator.VALIDATORS) | {"$schema", "$id", "$defs", "title", "description"}
    known |= {"default", "examples", "deprecated"}
    unknown = {word for node in walk(schema, (), "", Dialect.DRAFT_2020_12) for word in node.schema} - known
    assert unknown <= {"defaultSnippets", "patternErrorMessage"}
    page = (DOCS / "guide" / "configuration.md").read_text("utf-8")
    assert "`keywords: [defaultSnippets, patternErrorMessage]`" in page


def test_the_schema_has_no_keyword_beside_a_ref() -> None:
    """Draft 7 ignores what stands beside a ``$ref``, 2020-12 does not."""

    def references(node: Any) -> Iterator[dict[str, Any]]:
        if isinstance(node, dict):
            if "$ref" in node:
                yield node
            for part in node.values():
                yield from references(part)
        if isinstance(node, list):
            for part in node:
                yield from references(part)

    assert all(node.keys() == {"$ref"} for node in references(SCHEMA))


def test_the_schemas_id_names_the_version() -> None:
    assert SCHEMA["$id"].endswith("/routes.v1.json")
    assert OF_TESTS["$id"].endswith("/tests.v1.json")


@pytest.mark.parametrize("text", ["${WORKERS}", "${WORKERS:-8}"])
def test_an_editor_accepts_a_variable_where_one_is_replaced(text: str) -> None:
    stream = {
        "concurrency": text,
        "lease": text,
        "stall": text,
        "on_stuck": text,
        "formerly_group": text,
        "codec": text,
        "unknown_type": text,
        "retry": {"jitter": text},
    }
    config = {"version": 1, "redis": {"url": text}, "streams": {"a": stream}}
    assert list(Draft202012Validator(SCHEMA).iter_errors(config)) == []


def test_a_replaced_value_is_checked_without_the_variables() -> None:
    assert not document_validator()({"version": 1, "streams": {"a": {"concurrency": "${WORKERS}"}}})
    assert "anyOf" not in json.dumps(checked_schema())


def test_the_snippets_are_routes_that_pass() -> None:
    for snippet in SCHEMA["defaultSnippets"]:
        assert document_validator()(json.loads(_filled(json.dumps(snippet["body"]))))
    for snippet in OF_TESTS["defaultSnippets"]:
        assert document_validator(TESTS)(json.loads(_filled(json.dumps(snippet["body"]))))


def _filled(text: str) -> str:
    import re

    return re.sub(r"\$\{[0-9]+:([^}]*)\}", r"\1", text)


@pytest.mark.parametrize("schema", [{"oneOf": []}, {"format": "uri"}, {"type": "string", "contains": {}}])
def test_the_quick_check_refuses_keywords_that_it_does_not_know(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="keywords"):
        compile_schema(schema)


def test_the_quick_check_knows_which_keywords_only_explain() -> None:
    assert compile_schema(dict.fromkeys(ANNOTATIONS, "x"))(object())
