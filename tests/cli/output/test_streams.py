"""Whatever names contain, the output moves no cursor, hides nothing, and gives CI no command."""

from __future__ import annotations

import ast
import json
import os
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import streamroute
from projects import Done, Project
from streamroute.cli.output.formats import FORMATS
from streamroute.cli.output.streams import printable, sanitize
from streamroute.text.json_text import as_json

PACKAGE = Path(streamroute.__file__).parent
WRITER = PACKAGE / "cli" / "output" / "streams.py"
STARTER = PACKAGE / "cli" / "starter" / "templates"  # a new project's own code

_CALLS = frozenset({"print", "input", "click.echo", "click.secho", "click.echo_via_pager", "click.confirm"})
_CALLS |= {"click.prompt", "click.progressbar", "click.pause", "click.clear", "click.termui.echo"}
_CALLS |= {f"sys.{name}.{method}" for name in ("stdout", "stderr") for method in ("write", "writelines")}
_CALLS |= {f"sys.{name}.buffer.write" for name in ("stdout", "stderr")}
_CALLS |= {"sys.__stdout__.write", "sys.__stderr__.write", "traceback.print_exc", "traceback.print_exception"}
_CALLS |= {"warnings.showwarning", "pprint.pprint", "os.write"}
_PIPE = PACKAGE / "ops" / "workers" / "report_writer.py"  # os.write() to the supervisor's pipe


def _writes(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in _CALLS or name.endswith((".show", ".print_help")):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}: {name}"
        elif isinstance(node, ast.ImportFrom) and node.module == "click":
            yield from (f"{path}: {one.name}" for one in node.names if f"click.{one.name}" in _CALLS)


def test_only_one_module_writes_to_the_streams() -> None:
    files = [path for path in PACKAGE.rglob("*.py") if path not in (WRITER, _PIPE)]
    found = [line for path in files if not path.is_relative_to(STARTER) for line in _writes(path)]
    assert found == []
    assert any("click.echo" in line for line in _writes(WRITER)), "the test sees what it looks for"


HOSTILE = (
    "::stop-commands::tok",
    "  ::set-output name=x::y",
    "##[add-mask]a",
    "a ##[error]b",
    "\x1b[2Jgone",
    "\x1b]0;title\x07",
    "\x9b31m",
    "a\nb\n::warning::c",
    "a\r::error::b",
    "line\u2028separator\u2029",
    "\u202eturned\u202c",
    "\u2066isolated\u2069",
    "zero\u200bwidth\ufeff",
    "\x00nul",
    "%0A::error::x",
    "</failure>&<![CDATA[",
    "half \udc80 of a pair \ud800",
    "\ufffe\uffff",
    "\x7f",
    '"\\',
)


def is_harmless(text: str) -> bool:
    """Whether no line starts with a CI command, and no character controls or is hidden by a terminal."""
    commands = [line for line in text.split("\n") if line.lstrip().startswith("::") or "##[" in line]
    hidden = [char for char in text if char not in "\n\t" and unicodedata.category(char) in HIDDEN]
    return not commands and not hidden


HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_printed_without_controls_and_without_commands(text: str) -> None:
    assert is_harmless(sanitize(text))
    assert is_harmless(sanitize(text, styled=True))
    assert is_harmless(sanitize(f"before\n{text}\nafter"))
    assert "\n" not in printable(text)


def test_own_colors_stay_where_a_terminal_shows_them() -> None:
    painted = "\x1b[31m\x1b[1merror\x1b[0m"
    assert sanitize(f"{painted}\x1b[8m", styled=True) == f"{painted}\ufffd[8m"
    assert sanitize(painted) == "\ufffd[31m\ufffd[1merror\ufffd[0m"


@pytest.mark.parametrize("text", HOSTILE)
def test_json_is_ascii_without_commands_and_without_halves_of_pairs(text: str) -> None:
    written = as_json({text: [text, "\U0001f600", "\\ud800"]})
    assert written.isascii()
    assert is_harmless(written)
    [(key, [value, pair, no_escape])] = json.loads(written).items()
    assert (pair, no_escape) == ("\U0001f600", "\\ud800")
    assert key == value == re.sub("[\ud800-\udfff]", "\ufffd", text)


NAMES = tuple(name for name in HOSTILE if "/" not in name and "\x00" not in name and "\ud800" not in name)


@pytest.fixture
def hostile(lone_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(lone_project.folder)
    return lone_project


def _config(name: str) -> str:
    """Return a configuration whose every name is hostile; it is JSON, which YAML reads."""
    quoted = json.dumps(re.sub("[\ud800-\udfff\ufffe\uffff]", "?", name))
    return (
        f"version: 1\n{quoted}: 1\nstreams: {{{quoted}: {{group: {quoted}, {quoted}: 1}}}}\n"
        f"messages: {{{quoted}: {{schema: {quoted}}}}}\n"
        f"include: [{quoted}]\n"
        f"routes:\n  - {{name: {quoted}, type: {quoted}, handler: {quoted}, filter: {quoted}, {quoted}: 1}}\n"
        f"  - {{name: good, type: {quoted}, stream: {quoted}, handler: a.b, with: {{{quoted}: {quoted}}}}}\n"
    )


def _sound(name: str) -> str:
    """Return one without any error that commands would reject."""
    quoted = json.dumps(re.sub("[\ud800-\udfff\ufffe\uffff]", "?", name))
    return (
        f"version: 1\nstreams: {{{quoted}: {{group: {quoted}}}}}\nroutes:\n"
        f"  - {{name: good, type: {quoted}, handler: streamroute.handlers.log, description: {quoted},\n"
        f"     filter: {json.dumps(json.dumps(name.encode('ascii', 'replace').decode()))}}}\n"
    )


def _check_streams(done: Done, output_format: str) -> None:
    assert done.code in (0, 1, 2, 4), done
    assert is_harmless(done.err), done.err
    if output_format == "json" or output_format in ("gitlab", "sarif"):
        json.loads(done.out)
    elif output_format == "junit":
        ET.fromstring(done.out)  # noqa: S314 - the report is our own
    if output_format == "github":
        hidden = [line for line in done.out.splitlines() if not re.match("::(error|warning|notice) ", line)]
        assert hidden == []
        assert is_harmless(done.out.replace("::", ""))
    else:
        assert is_harmless(done.out), done.out


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("output_format", FORMATS)
def test_names_in_a_file_are_printed_harmlessly(
    hostile: Project, command: Callable[..., Done], name: str, output_format: str
) -> None:
    hostile.write("routes.yaml", _config(name))
    _check_streams(command("check", "--no-import", "--format", output_format), output_format)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("output_format", FORMATS)
def test_names_of_files_are_printed_harmlessly(
    hostile: Project, command: Callable[..., Done], name: str, output_format: str
) -> None:
    folder = Path(f"{name}-d")
    folder.mkdir()
    (folder / "routes.yaml").write_text(_config("plain"), encoding="utf-8")
    (folder / "routes.test.yaml").write_text("version: 1\ntests: [{nam: x}]\n", encoding="utf-8")
    _check_streams(
        command("check", "--no-import", "--format", output_format, os.fspath(folder)), output_format
    )


COMMANDS = (
    ("check", "--no-import"),
    ("routes",),
    ("routes", "--format", "json"),
    ("routes", "--graph", "dot"),
    ("routes", "--graph", "mermaid"),
    ("routes", "--graph", "svg"),
    ("routes", "--stream", "NAME"),
    ("explain", "--type", "NAME"),
    ("explain", "--type", "NAME", "--format", "json"),
    ("explain", "--type", "t", "--data", "NAME"),
    ("explain", "NAME"),
    ("explain", "--stream", "NAME", "--type", "NAME", "--all"),
    ("test",),
    ("test", "NAME"),
    ("test", "--format", "json"),
    ("test", "--format", "junit"),
    ("rule", "NAME"),
    ("NAME",),
    ("check", "NAME"),
    ("check", "--select", "NAME"),
    ("check", "--NAME"),
    ("publish", "NAME", "--type", "t", "--data", "NAME"),
    ("publish", "NAME", "NAME"),
    ("dead", "list", "--stream", "NAME"),
    ("dead", "list", "--older", "NAME"),
    ("dead", "show", "NAME"),
    ("serve", "NAME"),
    ("serve", "--metrics", "NAME"),
    ("serve", "--feed", "NAME"),
    ("schema", "NAME"),
    ("test", "--init", "NAME"),
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_arguments_are_printed_without_control_characters(
    hostile: Project, command: Callable[..., Done], name: str, arguments: tuple[str, ...]
) -> None:
    hostile.write("routes.yaml", _sound(name))
    tests = {"version": 1, "tests": [{"name": name, "message": {"type": name}, "routes": [name, "good"]}]}
    hostile.write("routes.test.yaml", json.dumps(tests))
    given = [word.replace("NAME", name) for word in arguments]
    output_format = "json" if "json" in arguments else "junit" if "junit" in arguments else "text"
    done = command(*given)
    if done.out or output_format == "text":
        _check_streams(done, output_format)


def test_characters_that_the_locale_does_not_have_are_escaped(lone_project: Project) -> None:
    lone_project.write("routes.yaml", "version: 1\nröutes→: []\n")
    lone_project.env["PYTHONIOENCODING"] = "ascii:strict"
    done = lone_project.run("check")
    assert done.code == 1
    assert 'unexpected key "r\\xf6utes\\u2192"' in done.out


def test_python_s_warnings_of_a_source_that_is_read_stay_inside(
    hostile: Project, command: Callable[..., Done]
) -> None:
    hostile.write("routes.yaml", _sound("t").replace("streamroute.handlers.log", "odd.handle"))
    (hostile.folder / "odd.py").write_text('WORDS = "\\d"\n\ndef handle(payload): ...\n', encoding="utf-8")
    assert command("check", "--no-import").err == "routes.yaml: no problems found\n"


@pytest.mark.parametrize("hidden", ["\x1b", "\u202e", "\u2028", "\n", "\x85", "\ud800"])
def test_control_characters_and_lone_surrogates_are_replaced(hidden: str) -> None:
    assert printable(f"a{hidden}b") == "a\ufffdb"


def test_letters_of_any_language_are_printed() -> None:
    assert printable("Zoë 予約 \U0001f600") == "Zoë 予約 \U0001f600"
