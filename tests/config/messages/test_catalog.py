"""The catalogue: message types over all files, their schemas, and every mistake with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema_specifications import REGISTRY

from streamroute.compiler.validation.data_check import data_check
from streamroute.config.findings.finding import sort_findings
from streamroute.config.load import LoadResult, load_config
from streamroute.config.messages.dialects import Dialect

HEAD = "version: 1\nstreams: {bookings: }\n"
Write = Callable[..., LoadResult]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes routes.yaml (below a head of three lines) and other files by name, and loads it."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, **files: Any) -> LoadResult:
        Path("routes.yaml").write_text(HEAD + text)
        for name, content in files.items():
            path = Path(name.replace("__", "/") + (".json" if isinstance(content, dict) else ""))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content) if isinstance(content, dict) else content)
        return load_config("routes.yaml")

    return write


def found(loaded: LoadResult) -> list[str]:
    findings = sort_findings(loaded.findings)
    return [str(finding).replace("routes.yaml:", "").replace("error[", "E[") for finding in findings]


def test_a_schema_is_in_a_file_or_inline(load: Write) -> None:
    loaded = load(
        "messages:\n"
        "  a: {schema: schemas/a.json, description: An a}\n"
        "  b: {schema: {$schema: 'http://json-schema.org/draft-07/schema#', type: object}}\n"
        "  c:\n",
        schemas__a={"type": "object"},
    )
    assert found(loaded) == []
    assert loaded.document is not None
    messages = loaded.document.messages
    assert list(messages) == ["a", "b", "c"]
    schemas = [messages[name].schema for name in messages]
    assert [schema and schema.root.get("type") for schema in schemas] == ["object", "object", None]
    assert schemas[0] is not None
    assert schemas[1] is not None
    assert (schemas[0].dialect, schemas[1].dialect) == (Dialect.DRAFT_2020_12, Dialect.DRAFT_07)
    assert messages["a"].description == "An a"
    assert "schemas/a.json" in loaded.files


def test_included_files_declare_types_and_their_paths_are_their_own(load: Write) -> None:
    (folder := Path("features")).mkdir()
    (folder / "routes.yaml").write_text("version: 1\nmessages: {b: {schema: b.json}}")
    (folder / "b.json").write_text('{"type": "object"}')
    loaded = load("include: [features/*.yaml]\nmessages: {a: }")
    assert found(loaded) == []
    assert loaded.document is not None
    assert list(loaded.document.messages) == ["a", "b"]


def test_a_type_declared_twice_names_the_first(load: Write) -> None:
    Path("other.yaml").write_text("version: 1\nmessages: {a: {description: again}}")
    loaded = load("include: [other.yaml]\nmessages: {a: }")
    assert found(loaded) == ['other.yaml:2:12: E[SR110]: duplicate message type "a": first declared on 4']


@pytest.mark.parametrize(
    ("schema", "finding"),
    [
        ("schemas/b.jsn", '"schemas/b.jsn" does not exist; did you mean "schemas/b.json"?'),
        ("schemas", '"schemas" is a folder, not a file'),
        ("/etc/hostname", '"/etc/hostname" is outside the configuration folder'),
        ("../outside.json", '"../outside.json" is outside the configuration folder'),
        ("{type: objct}", 'unknown type "objct": '),
        ("{properties: []}", '"properties" must be a mapping'),
        ("{required: name}", '"required" must be a list'),
        ("{minimum: low}", '"minimum" must be a number'),
        ("{maxLength: -1}", '"maxLength" must be at least 0'),
        ("{properties: {a: 1}}", '"a" must be a mapping or true or false'),
        ("{pattern: '[a'}", '"[a" is not a supported regular expression: missing "]" of a character class'),
        ("{patternProperties: {'(': {}}}", '"(" is not a supported regular expression'),
        (
            "{$schema: 'http://json-schema.org/draft-04/schema#'}",
            'unsupported dialect "http://json-schema.org/draft-04',
        ),
        ("{$ref: '#/$defs/x'}", '"#/$defs/x" cannot be resolved: the schema has no such part'),
        ("{$ref: '#x'}", '"#x" cannot be resolved: the schema has no such part'),
        ("{$ref: schemas/none.json}", '"schemas/none.json" does not exist'),
        ("{$ref: 'https://example.com/x.json'}", '"https://example.com/x.json" is not a local file'),
        ("{$ref: '//example.com/x.json'}", '"//example.com/x.json" is not a local file'),
        ("{$ref: ../../x.json}", '"../../x.json" is outside the configuration folder'),
        ("{$dynamicRef: '#'}", '"$dynamicRef" is not supported'),
        ("{$ref: '#'}", "the schema only refers to itself"),
        ("{allOf: [{$ref: '#/$defs/a'}], $defs: {a: {not: {$ref: '#'}}}}", "only refers to itself"),
    ],
)
def test_a_broken_schema_is_one_error_with_its_place(load: Write, schema: str, finding: str) -> None:
    loaded = load(f"messages:\n  a:\n    schema: {schema}\n", schemas__b={})
    [line] = found(loaded)
    assert finding in line
    assert line.split(":")[0] in ("5", "schemas/b.json")
    assert loaded.document is not None
    assert list(loaded.document.messages) == ["a"], "the type is still known by its name"


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ('{\n\t"type": "objct"\n}', 'schemas/a.txt:2:10: E[SR112]: unknown type "objct"'),
        ('{"type": "object"; }', "schemas/a.txt:1:18: E[SR111]: the file is not JSON: "),
        ("[1]", "schemas/a.txt:1:1: E[SR111]: the file contains no schema"),
        ('{"a": NaN}', "schemas/a.txt:1:1: E[SR111]: the file is not JSON: NaN is not a JSON number"),
        (
            "[" * 100_000,
            "schemas/a.txt:1:129: E[SR011]: objects and lists are nested deeper than 128 levels",
        ),
        (
            '{"a": "' + '\\"[' * 100_000,
            "schemas/a.txt:1:7: E[SR111]: the file is not JSON: unterminated string starting at",
        ),
        ('{"a": 1,\n "a": 2}', 'schemas/a.txt:2:2: E[SR006]: duplicate key "a" in an object'),
        ('{"\\ud83d\\ude00": 1, "type": 1}', 'schemas/a.txt:1:29: E[SR112]: "type" has an invalid value'),
        ("\udcff", "schemas/a.txt:1:1: E[SR002]: the file is not UTF-8"),
    ],
)
def test_a_file_that_holds_no_schema_is_shown_where_it_is_wrong(load: Write, text: str, finding: str) -> None:
    Path("schemas").mkdir()
    Path("schemas/a.txt").write_bytes(text.encode(errors="surrogateescape"))
    [line] = found(load("messages: {a: {schema: schemas/a.txt}}"))
    assert line.startswith(finding)


def test_the_name_of_a_class_is_told_from_a_path(load: Write) -> None:
    loaded = load("messages:\n  a: {schema: shop.events.Confirmed}\n  b: {schema: shop.json}\n")
    assert [finding.help for finding in sort_findings(loaded.findings)] == [
        "a schema is a JSON Schema, in a file or inline; a Python class is not read",
        "paths are relative to the file that contains them",
    ]


def test_a_class_in_the_place_of_a_message_is_told_from_a_path(load: Write) -> None:
    loaded = load("messages:\n  a: shop.events.Confirmed\n  b: shop.json\n")
    assert [finding.help for finding in sort_findings(loaded.findings)] == [
        "a schema is a JSON Schema, in a file or inline; a Python class is not read",
        "write {schema: shop.json}",
    ]


def test_a_schema_in_yaml_is_read_like_a_configuration(load: Write) -> None:
    Path("a.yaml").write_text("type: object\nproperties: {on: {type: sting}}\n")
    Path("b.yml").write_text("")
    loaded = load("messages: {a: {schema: a.yaml}, b: {schema: b.yml}}")
    assert [line.partition(": must be")[0] for line in found(loaded)] == [
        'a.yaml:2:25: E[SR112]: unknown type "sting"',
        "b.yml:1:1: E[SR111]: the file contains no schema",
    ]


def test_a_mistake_in_a_file_that_is_referred_to_is_shown_there_once(load: Write) -> None:
    loaded = load(
        "messages:\n  a: {schema: {$ref: parts.json}}\n  b: {schema: {$ref: 'parts.json#/$defs/x'}}\n",
        parts={"$defs": {"x": {"type": "nmber"}}},
    )
    assert [line.partition(": must be")[0] for line in found(loaded)] == [
        'parts.json:1:26: E[SR112]: unknown type "nmber"'
    ]


def test_references_follow_addresses_that_files_give_themselves(load: Write) -> None:
    """An ``$id`` names a schema and is never fetched; beside it, a relative path means a file."""
    loaded = load(
        "messages:\n"
        "  a: {schema: schemas/a.json}\n"
        "  b: {schema: schemas/b.json}\n"
        "  c: {schema: {$ref: 'https://example.com/s/b.json#named'}}\n",
        schemas__a={
            "$id": "https://example.com/s/a.json",
            "properties": {
                "b": {"$ref": "b.json"},
                "c": {"$ref": "c.json#/$defs/x"},
                "d": {"$ref": "#/$defs/d"},
                "e": {"$ref": "inner"},
            },
            "$defs": {"d": {"$id": "inner", "type": "string"}},
        },
        schemas__b={"$id": "https://example.com/s/b.json", "$defs": {"n": {"$anchor": "named"}}},
        schemas__c={"$defs": {"x": {"$ref": "a.json"}}},
    )
    assert found(loaded) == []


def test_a_schema_is_bundled_with_the_schemas_that_it_refers_to(load: Write) -> None:
    loaded = load(
        "messages:\n"
        "  a: {schema: a.json}\n"
        "  b: {schema: {$ref: 'a.json#/$defs/x', format: email}}\n"
        "  c: {schema: {$ref: '#/parts/x~1y', parts: {x/y: {items: {$ref: '#/parts/x~1y'}}}}}\n",
        a={
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "https://example.com/a",
            "properties": {"x": {"$ref": "#named"}},
            "$defs": {"x": {"$anchor": "named", "items": {"$ref": "b.json"}}},
        },
        b={"const": {"$ref": "#no-reference"}},
    )
    assert found(loaded) == []
    assert loaded.document is not None
    schemas = [message.schema for message in loaded.document.messages.values()]
    roots = [schema.root for schema in schemas if schema is not None]
    dialect = "https://json-schema.org/draft/2020-12/schema"
    b = {"const": {"$ref": "#no-reference"}}
    assert roots == [
        {
            "$schema": dialect,
            "properties": {"x": {"$ref": "#/$defs/x"}},
            "$defs": {"x": {"items": {"$ref": "#/$defs/0:"}}, "0:": b},
        },
        {
            "$schema": dialect,
            "$ref": "#/$defs/0:$defs~1x",
            "$defs": {"0:$defs/x": {"items": {"$ref": "#/$defs/1:"}}, "1:": b},
        },
        {
            "$schema": dialect,
            "$ref": "#/$defs/0:parts~1x~1y",
            "parts": {"x/y": {"items": {"$ref": "#/parts/x~1y"}}},
            "$defs": {"0:parts/x/y": {"items": {"$ref": "#/$defs/0:parts~1x~1y"}}},
        },
    ]


def test_schemas_that_refer_to_one_another_are_written_in_one_dialect(load: Write) -> None:
    loaded = load(
        "messages:\n  a: {schema: {$ref: old.json}}\n",
        old={"$schema": "http://json-schema.org/draft-07/schema"},
    )
    assert found(loaded) == ['4:22: E[SR115]: "old.json" has a different dialect than this schema']


def test_draft_07_ignores_the_keywords_beside_a_reference(load: Write) -> None:
    loaded = load(
        "messages:\n"
        "  a:\n"
        "    schema:\n"
        "      $schema: http://json-schema.org/draft-07/schema#\n"
        "      properties: {x: {$ref: '#named', allOf: [{$ref: '#'}]}}\n"
        "      definitions: {n: {$id: '#named', type: object}}\n"
    )
    [warning] = found(loaded)
    assert '"allOf" is ignored: draft-07 does not use keywords beside a $ref' in warning
    assert loaded.document is not None
    assert loaded.document.messages["a"].schema is not None


def test_a_schema_may_hold_itself_where_a_step_is_between(load: Write) -> None:
    loaded = load("messages: {a: {schema: {properties: {child: {$ref: '#'}}}}}")
    assert found(loaded) == []


def test_a_wrong_key_leaves_the_type_known(load: Write) -> None:
    loaded = load("messages: {a: {shcema: {}}, b: 3}")
    assert [line.partition("; ")[0] for line in found(loaded)] == [
        '3:16: E[SR102]: unexpected key "shcema" in "a"',
        '3:32: E[SR104]: "b" must be a mapping, not the number 3',
    ]
    assert loaded.document is not None
    assert list(loaded.document.messages) == ["a", "b"]


@pytest.mark.parametrize(
    ("schema", "finding"),
    [
        ("{dependencies: {a: [b]}}", '"dependencies" is ignored: 2020-12 does not use this keyword'),
        ("{prefixItems: [true], additionalItems: false}", '"additionalItems" is ignored'),
        ("{then: {required: [a]}}", '"then" is ignored: 2020-12 does not use this keyword without "if"'),
        ("{minContains: 2}", '"minContains" is ignored'),
        (
            "{$schema: 'http://json-schema.org/draft-07/schema#', prefixItems: [true]}",
            '"prefixItems" is ignored',
        ),
        (
            "{$schema: 'http://json-schema.org/draft-07/schema#', items: true, additionalItems: false}",
            '"additionalItems" is ignored',
        ),
        ("{pattern: '^(a+)+$'}", '"^(a+)+$" has nested repetitions'),
        (r"{pattern: '^(\w+\s?)*$'}", "has nested repetitions"),
        ("{patternProperties: {'(x*)*y': true}}", "has nested repetitions"),
    ],
)
def test_questionable_schemas_are_warnings_and_are_used(load: Write, schema: str, finding: str) -> None:
    loaded = load(f"messages:\n  a:\n    schema: {schema}\n")
    [line] = found(loaded)
    assert finding in line
    assert "warning[" in line
    assert loaded.document is not None
    assert loaded.document.messages["a"].schema is not None


@pytest.mark.parametrize(
    "schema",
    [
        "{$id: 'urn:example:a', $ref: '#/$defs/b', $defs: {b: {type: string}}}",
        "{properties: {a: {$id: 'urn:example:a', $ref: '#/$defs/b', $defs: {b: {type: string}}}}}",
        "{$id: 'tag:example.com,2024:a', properties: {a: {$ref: '#b'}}, $defs: {b: {$anchor: b}}}",
        "{$ref: 'https://json-schema.org/draft/2020-12/schema'}",
        "{properties: {a: {$ref: 'https://json-schema.org/draft/2020-12/meta/validation#/$defs/simpleTypes'}}}",
        "{$schema: 'http://json-schema.org/draft-07/schema#', $ref: 'http://json-schema.org/draft-07/schema#'}",
        "{pattern: '^([a-z]+-)*[a-z]+$'}",
        r"{pattern: '^[a-z0-9]+(?:\.[a-z0-9]+)*@[a-z]+\.[a-z]{2,}$'}",
    ],
)
def test_a_reference_finds_what_it_names_and_usual_patterns_are_clean(load: Write, schema: str) -> None:
    loaded = load(f"messages:\n  a:\n    schema: {schema}\n")
    assert found(loaded) == []
    assert loaded.document is not None
    assert loaded.document.messages["a"].schema is not None


def test_two_schemas_of_one_name_are_not_judged_by_the_first(load: Write) -> None:
    loaded = load(
        "messages:\n"
        "  a: {schema: {$id: 'https://x.org/s', $ref: '#/$defs/v', $defs: {v: {type: string}}}}\n"
        "  b: {schema: {$id: 'https://x.org/s', $ref: '#/$defs/v', $defs: {v: {type: object}}}}\n"
    )
    [line] = found(loaded)
    assert line == ('5:21: E[SR117]: duplicate schema name "https://x.org/s": first used on line 4')
    assert loaded.document is not None
    assert loaded.document.messages["b"].schema is None


@pytest.mark.parametrize(
    "name", ["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#"]
)
def test_no_schema_takes_the_name_of_json_schema_s_own(load: Write, name: str) -> None:
    loaded = load(
        f"messages:\n  a: {{schema: {{$id: '{name}', type: string}}}}\n  b: {{schema: {{$ref: '{name}'}}}}\n"
    )
    lines = [line for line in found(loaded) if "SR117" in line]
    assert lines == [f'4:21: E[SR117]: duplicate schema name "{name}": it is a name of JSON Schema itself']


@pytest.mark.parametrize("turn", [1, -1])
def test_a_copy_of_the_json_schema_metaschema_is_no_duplicate(load: Write, turn: int) -> None:
    address = "http://json-schema.org/draft-07/schema"
    copy = REGISTRY.get_or_retrieve(address).value.contents
    own = f"{{$schema: '{address}#', $ref: '{address}#'}}"
    types = [f"  a: {{schema: {own}}}\n", "  b: {schema: draft.json}\n"]
    assert found(load("messages:\n" + "".join(types[::turn]), draft=copy)) == []


def test_an_anchor_of_draft_07_is_named_as_it_is_written(load: Write) -> None:
    loaded = load(
        "messages:\n"
        "  a:\n"
        "    schema:\n"
        "      $schema: http://json-schema.org/draft-07/schema#\n"
        "      definitions: {x: {$id: '#n', type: string}, y: {$id: '#n', type: object}}\n"
    )
    assert found(loaded) == ['7:60: E[SR117]: duplicate schema name "#n": first used on line 7']


def test_a_file_and_a_schema_with_its_name_are_distinguished(load: Write) -> None:
    loaded = load(
        "messages:\n  a: {schema: b.json}\n  b: {schema: {$id: b.json, type: string}}\n", b={"type": "object"}
    )
    [line] = found(loaded)
    assert "E[SR117]" in line


def test_one_schema_may_serve_two_types(load: Write) -> None:
    same = "{$id: 'https://x.org/s', $ref: '#/$defs/v', $defs: {v: {type: string}}}"
    assert found(load(f"messages:\n  a: {{schema: {same}}}\n  b: {{schema: {same}}}\n")) == []


@pytest.mark.parametrize("pattern", ["a" * 1_000_000, "(" * 500_000, "[" * 100_000, "(?:" * 60 + ")" * 60])
def test_a_huge_pattern_is_a_finding(load: Write, pattern: str) -> None:
    [line] = found(load("messages: {a: {schema: schemas/a.json}}", schemas__a={"pattern": pattern}))
    assert "E[SR112]" in line
    assert len(line) < 400


def test_the_patterns_of_a_catalogue_have_a_bound(load: Write) -> None:
    many = {"patternProperties": {f"x{n}.{{0,4000}}": True for n in range(1_000)}}
    [line] = found(load("messages: {a: {schema: schemas/a.json}}", schemas__a=many))
    assert "E[SR120]: the patterns of all schemas up to this one take too long to compile" in line


@pytest.mark.parametrize("levels", [30, 400])
def test_a_schema_that_is_deep_or_a_long_chain_is_read(load: Write, levels: int) -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(20):
        deep = {"properties": {"a": deep}}
    chain: dict[str, Any] = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(levels)}
    whole = {**deep, "$defs": {**chain, f"d{levels}": {"type": "object"}}, "$ref": "#/$defs/d0"}
    loaded = load("messages: {a: {schema: schemas/a.json}}", schemas__a=whole)
    assert found(loaded) == []
    assert loaded.document is not None
    schema = loaded.document.messages["a"].schema
    assert schema is not None
    assert data_check(schema)({}) is None
    assert data_check(schema)([]) == "the data must be an object, not a list"
