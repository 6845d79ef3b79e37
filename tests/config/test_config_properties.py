"""Laws of the configuration stage, tried on what hypothesis thinks up."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from depth import examples
from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.config.files.loader import load_text
from streamroute.config.json_schema import checked_schema
from streamroute.config.load import load_config
from streamroute.config.schema.fast_validator import compile_schema, document_validator
from streamroute.config.schema.violations import find_violations
from streamroute.config.yaml.positions import build_nodes
from streamroute.config.yaml.scalar_offsets import align
from yaml_pieces import YAML_PIECES

# How fast a machine is, is no law.
LAW = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff\ufffe\uffff"),
    max_size=12,
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.sampled_from(
        ["on", "no", "1:30", "0755", "~", "2024-01-01", "0o17", "0x1f", ".inf", "<<", "=", "1_000", "${A}"]
    )
)
DATA = st.dictionaries(
    TEXT,
    st.recursive(
        SCALARS,
        lambda part: st.lists(part, max_size=4) | st.dictionaries(TEXT, part, max_size=4),
        max_leaves=12,
    ),
    max_size=5,
)


@LAW
@given(DATA)
def test_json_is_read_as_json_reads_it(data: dict[str, Any]) -> None:
    """A YAML 1.2 core document that is also JSON means the same."""
    text = json.dumps(data, ensure_ascii=False)
    loading = load_text(text, "routes.yaml")
    assert loading.findings == ()
    assert loading.source is not None
    assert _same(loading.source.data, data)


@LAW
@given(DATA, st.sampled_from(["'", '"', "|"]))
def test_yaml_written_by_pyyaml_is_read_back(data: dict[str, Any], style: str) -> None:
    """Strings survive every style but the plain one, where YAML 1.1 and 1.2 differ (``0o7``, ``1e5``)."""
    strings = _strings_only(data)
    text = yaml.safe_dump(strings, default_style=style, allow_unicode=True)
    loading = load_text(text, "routes.yaml")
    assert loading.findings == ()
    assert loading.source is not None
    assert loading.source.data == strings


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_same(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_same, one, two))
    return type(one) is type(two) and bool(one == two)


def _strings_only(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _strings_only(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_strings_only(item) for item in data]
    return str(data)


EXPRESSIONS = st.text("ab =|&'\"\\`\n#:!é予", min_size=1, max_size=30).filter(
    lambda text: text.strip() == text
)


@LAW
@given(EXPRESSIONS, st.sampled_from(["'", '"', "|", ">"]), st.integers(20, 80))
def test_every_character_of_a_string_has_its_position_in_the_file(
    expression: str, style: str, width: int
) -> None:
    """Whatever its quotes, folds and indentation, a caret into a string points at the right character."""
    text = yaml.safe_dump({"a": {"b": expression}}, default_style=style, allow_unicode=True, width=width)
    pair = build_nodes(text).child("a")
    assert pair is not None
    found = pair[1].child("b")
    assert found is not None
    mark = found[1]
    assert mark.value == expression
    raw = text[mark.start : mark.end]
    offsets = align(raw, mark.value, mark.style)
    assert len(offsets) == len(expression) + 1
    assert offsets == sorted(offsets)
    for char, offset in zip(expression, offsets, strict=False):
        if not char.isspace():
            assert raw[offset] == char or raw[offset] == "\\"


NAMES = st.sampled_from(["a", "welcome-vip", "Not OK", "", "x" * 200, "a\n"])
DURATIONS = st.sampled_from(["30s", "5m", "1.5h", "5", "", "30 s", "٣s", "1s\n", "9" * 20 + "s", 30, None])
PATHS = st.sampled_from(["shop.handlers.welcome", "shop:welcome", "welcome", "a.b:c.d", "", 12, None])
NUMBERS = st.sampled_from([0, 1, 5, 1.0, 1.5, -1, True, None, "3", 10**12, float("nan"), float("inf")])
ANY = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(TEXT, SCALARS, max_size=2)


def mapping(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A mapping of some of these keys, seldom with another one, seldom something else."""
    known = st.fixed_dictionaries({}, optional=parts)
    return (
        known
        | known
        | known
        | st.builds(lambda one, two: one | two, known, st.dictionaries(TEXT, ANY, max_size=1))
        | ANY
    )


def one_or_list(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return items | st.lists(items, max_size=3)


RETRY = mapping(
    max_attempts=NUMBERS, delay=DURATIONS, multiplier=NUMBERS, max_delay=DURATIONS, jitter=NUMBERS
)
STREAM = mapping(
    group=NAMES,
    codec=st.sampled_from(["json", "fields", "jsn", "shop.Codec"]) | ANY,
    concurrency=NUMBERS,
    formerly_group=NAMES,
    lease=DURATIONS,
    stall=DURATIONS,
    on_stuck=st.sampled_from(["keep", "exit", "restart"]) | ANY,
    max_deliveries=NUMBERS,
    retry=RETRY,
    dead_letter=NAMES,
    unknown_type=st.sampled_from(["ack", "dead_letter", "drop"]) | ANY,
)
PERCENTS = st.sampled_from(["1%", "0.5%", "100%", "101%", "5", ""]) | ANY
CANARY = mapping(
    percent=NUMBERS | st.sampled_from([0.01, 0.001, 100, 100.5]),
    key=NAMES,
    stop_at=mapping(dead=PERCENTS, retry=PERCENTS, of=NUMBERS),
)
ROUTE = st.fixed_dictionaries(
    {"name": NAMES, "type": one_or_list(NAMES), "handler": PATHS},
    optional={
        "stream": one_or_list(NAMES),
        "formerly": one_or_list(NAMES) | ANY,
        "filter": NAMES | ANY,
        "with": ANY,
        "timeout": DURATIONS,
        "retry": RETRY,
        "on_filter_error": st.sampled_from(["dead_letter", "no_match", "ack"]),
        "enabled": st.booleans() | ANY,
        "shadow": st.booleans() | ANY,
        "canary": CANARY | ANY,
        "instead_of": NAMES | ANY,
        "tags": st.lists(NAMES, max_size=3) | ANY,
        "hander": ANY,
    },
)
CONFIGS = mapping(
    version=st.sampled_from([1, 1.0, True, 2, "1"]),
    redis=mapping(url=st.sampled_from(["embedded", "redis://h", "h:1", 3])),
    container=PATHS,
    include=one_or_list(NAMES),
    defaults=STREAM,
    streams=st.dictionaries(NAMES, STREAM, max_size=2) | ANY,
    routes=st.lists(ROUTE | ANY, max_size=3) | ANY,
    handlers=mapping(allow=one_or_list(st.sampled_from(["shop", "shop.handlers", "", "1"]))),
)


@cache
def _reference() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(checked_schema())


@settings(LAW, max_examples=examples(4))
@given(CONFIGS)
def test_the_quick_verdict_is_jsonschemas(config: Any) -> None:
    """The quick check and the jsonschema library never differ on whether a file is valid."""
    expected = not _violations_of_the_library(config)
    assert document_validator()(config) == expected


def _violations_of_the_library(config: Any) -> list[Any]:
    if isinstance(config, dict):
        return find_violations_slowly(config)
    return list(_reference().iter_errors(config))


def find_violations_slowly(config: dict[str, Any]) -> list[Any]:
    from streamroute.config.schema.violations import _validator

    return list(_validator().iter_errors(config))


@LAW
@given(ROUTE)
def test_a_route_is_judged_alone_as_in_its_file(route: Any) -> None:
    """Only broken routes are shown to the slow validator, so that both must agree on which are broken."""
    alone = compile_schema(checked_schema()["$defs"]["route"])(route)
    assert alone == (find_violations({"version": 1, "routes": [route]}) == [])


VALID = """\
version: 1
redis: {url: "${REDIS_URL:-embedded}"}
x-common: &common
  lease: 60s
streams:
  bot_events:
    <<: *common
    group: notifications
  orders: {codec: fields, retry: {max_attempts: 3}}
include: [features/*/routes.yaml]
routes:
  - name: welcome-vip
    stream: [bot_events, orders]
    type: booking.confirmed
    filter: >-
      guest.tier == 'gold' &&
      nights >= `3`
    handler: shop.handlers.welcome_vip
    with: {template: "vip.html", "a key": [1, 2.5, null]}
    timeout: 30s
"""
PIECES = st.sampled_from(YAML_PIECES)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A valid file with a few pieces cut out, doubled or put in."""
    text = VALID
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        middle = draw(st.sampled_from(["", text[start:end] * 2]) | PIECES)
        text = text[:start] + middle + text[end:]
    content = text.encode()
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + bytes([draw(st.integers(0, 255))]) + content[at:]
    return content


@settings(LAW, max_examples=examples(4))
@given(content=mutations())
def test_a_mutated_file_never_raises_and_every_error_has_a_place(content: bytes, tmp_path: Path) -> None:
    """Reading ends in a document or in findings that stand inside the file."""
    path = tmp_path / "routes.yaml"
    path.write_bytes(content)
    loaded = load_config(path, env={"A": "x"})
    assert loaded.document is not None or loaded.findings
    for found in loaded.findings:
        assert found.code in ALL_RULES
        assert found.message
        lines = loaded.files[found.file].text.splitlines() or [""]
        assert 1 <= found.span.line <= len(lines) + 1
        assert (found.span.line, found.span.column) <= (found.span.end_line, found.span.end_column)
