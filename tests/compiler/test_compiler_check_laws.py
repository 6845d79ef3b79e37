"""Laws of the whole check, tried on what hypothesis makes of valid configurations."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from depth import examples
from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.formats.full import render_full
from streamroute.cli.output.formats.rendering import render
from streamroute.compiler.api import compile_routes
from streamroute.compiler.pipeline import CheckResult, check_path
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.config.findings.finding import has_errors
from streamroute.errors import ConfigError
from yaml_pieces import YAML_PIECES

# How fast a machine is, is no law.
LAW = settings(
    deadline=None,
    max_examples=examples(0.4),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
HANDLERS = """
async def welcome(payload, container): ...
def send(payload, *, template, copies=1): ...
def rows(payload): yield 1
RATES = {}
def build(): ...
class Codec:
    def decode(self, fields): return {}
    def encode(self, payload): return {}
"""
VALID = """\
version: 1
redis: {url: "${REDIS_URL:-embedded}"}
container: mine.build
handlers: {allow: [mine]}
x-common: &common
  timeout: 30s
streams:
  bot_events:
    group: notifications
    concurrency: 32
    retry: {max_attempts: 5, delay: 1s, jitter: 0.1}
    formerly_group: mailer
    stall: 5m
    on_stuck: exit
  orders: {codec: fields, unknown_type: dead_letter}
  raw: {codec: mine.Codec}
messages:
  booking.confirmed:
    description: a booking
    schema:
      type: object
      properties: {nights: {type: integer}, guest: {type: object}}
      additionalProperties: false
include: [more/*.yaml]
routes:
  - name: welcome-vip
    <<: *common
    stream: [bot_events, orders]
    type: [booking.confirmed, booking.changed]
    filter: >-
      guest.tier == 'gold' &&
      nights >= `3`
    handler: mine.welcome
  - name: send
    formerly: [mail, post]
    stream: [bot_events, raw]
    type: booking.cancelled
    filter: "!guest.blocked" # streamroute: ignore[SR307] why
    handler: mine:send
    with: {template: "vip.html", copies: 2}
    enabled: true
    tags: [a, b]
  - name: send-2
    stream: [bot_events, raw]
    type: booking.cancelled
    handler: mine:send
    with: {template: "new.html"}
    canary: {percent: 5, key: guest.id, stop_at: {dead: 1%, retry: 5%, of: 100}}
    instead_of: send
  - {name: watch, stream: raw, type: booking.cancelled, shadow: true, handler: mine.welcome}
"""
PIECES = st.sampled_from(
    [
        *YAML_PIECES,
        *("on", "3", "''", "&&", "||", "==", "length(", ")", "[?", "`1`"),
        *("mine.", "os.system", "mine.rows", "mine.RATES"),
        *(
            "name",
            "handler",
            "handlr",
            "stream",
            "orders",
            "canary",
            "shadow",
            "instead_of",
            "# streamroute: ignore[SR307]",
        ),
    ]
)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A valid file with a few pieces cut out, doubled, put in, or moved from elsewhere."""
    text = VALID
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 15)))
        other = draw(st.integers(0, len(text)))
        moved = text[other : other + draw(st.integers(1, 40))]
        text = text[:start] + draw(st.sampled_from(["", text[start:end] * 2, moved]) | PIECES) + text[end:]
    content = text.encode()
    if draw(st.integers(0, 19)) == 0:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + bytes([draw(st.integers(0, 255))]) + content[at:]
    return content


JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, 0, -1, 3, 1.5, "", "a", "on", "30s", "mine.welcome", "nope.nope", "os.system", "${A}"),
        *("a == 'b'", "tier = 1", "!vip.x", [], {}, ["a", "a"], {"a": 1}, [[]], "x" * 300, "a\0b", "/", "."),
        *("bot_events", "booking.*"),
    ]
)


@st.composite
def rearrangements(draw: st.DrawFn) -> bytes:
    """The valid file's data with some values and keys changed: mostly readable, seldom right."""
    data = yaml.safe_load(VALID)
    for _ in range(draw(st.integers(1, 4))):
        holder, key = draw(st.sampled_from(list(_places(data))))
        if isinstance(holder, list) or draw(st.booleans()):
            holder[key] = deepcopy(draw(JUNK))
        else:
            value = holder.pop(key)
            holder[draw(st.sampled_from([str(key)[:-1], f"{key}s", str(key)[::-1], "retry", "schema"]))] = (
                value
            )
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False).encode()


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    items = enumerate(data) if isinstance(data, list) else data.items() if isinstance(data, dict) else ()
    for key, value in list(items):
        yield data, key
        yield from _places(value)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the code that the configuration names, and a file that it includes."""
    (tmp_path / "mine.py").write_text(HANDLERS)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "one.yaml").write_text(
        "version: 1\nroutes: [{name: one, stream: bot_events, type: t, handler: mine.welcome}]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("A", "x")
    monkeypatch.delenv("REDIS_URL", raising=False)
    return tmp_path


def checked(project: Path, content: bytes) -> CheckResult:
    (project / "routes.yaml").write_bytes(content)
    with isolated_imports(project):
        return check_path("routes.yaml", tests=True)


def test_the_valid_file_is_valid(project: Path) -> None:
    """Or the laws below would be tried on nothing."""
    result = checked(project, VALID.encode())
    assert [str(found) for found in result.findings] == []
    assert result.compiled is not None
    assert list(result.compiled.routers) == ["bot_events", "orders", "raw"]


@LAW
@given(content=mutations() | rearrangements())
def test_check_never_raises_and_names_a_place(content: bytes, project: Path) -> None:
    """Each finding stands inside its file, is of a known rule, and can be shown in every format."""
    result = checked(project, content)
    assert result.document is not None or has_errors(result.findings)
    for found in result.findings:
        assert found.code in ALL_RULES
        assert found.message
        assert not found.message.startswith(" ")
        text = result.sources[found.file]
        lines = text.text.splitlines() or [""]
        assert 1 <= found.span.line <= len(lines) + 1
        assert (found.span.line, found.span.column) <= (found.span.end_line, found.span.end_column)
    render_full(result.findings, result.sources)
    for form in ("concise", "json", "github", "gitlab", "sarif", "junit"):
        render(FindingsReport(result.findings, result.sources), form).encode()


@LAW
@given(content=mutations() | rearrangements())
def test_a_configuration_compiles_exactly_if_check_finds_no_error(content: bytes, project: Path) -> None:
    """One code path: routers come of a configuration exactly where the check finds no error."""
    result = checked(project, content)
    with isolated_imports(project):
        if has_errors(result.findings):
            with pytest.raises(ConfigError) as refused:
                compile_routes("routes.yaml")
            assert has_errors(refused.value.findings)
        else:
            assert result.document is not None
            assert list(compile_routes("routes.yaml")) == list(result.document.streams)


@LAW
@given(content=mutations() | rearrangements())
def test_without_imports_user_modules_do_not_run(content: bytes, project: Path) -> None:
    """Whatever the module does when it is imported, it is not."""
    (project / "mine.py").write_text("raise SystemExit('code of the user ran')\n")
    (project / "routes.yaml").write_bytes(content)
    found = check_path("routes.yaml", imports=False, tests=True).findings
    assert not any(one.code == "SR407" for one in found)
