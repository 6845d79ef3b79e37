"""``check --fix`` and ``--diff``: findings with one safe fix are fixed, and nothing else is changed."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from streamroute.cli.commands.checking.fix import fixes_of, write_all
from streamroute.cli.commands.checking.run import CheckOptions, check
from streamroute.cli.main import streamroute
from streamroute.config.files.loader import load_text
from streamroute.errors import StreamrouteError

HEAD = "version: 1\nstreams: {bot_events: {}}\nroutes:\n"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def handle(payload): ...\n")
    return tmp_path / "routes.yaml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(streamroute, ["check", *arguments], standalone_mode=False)


def mended(path: Path, text: str) -> str:
    """Return the file after ``--fix``; the exit code must be 0 if no finding remains."""
    path.write_text(text, encoding="utf-8", newline="")
    run("--fix", "--no-import")
    return path.read_bytes().decode()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("handlr: mine.handle", "handler: mine.handle"),
        ('"handlr": mine.handle', '"handler": mine.handle'),
        ("handler: mine.handle\n  enabled: on", "handler: mine.handle\n  enabled: true"),
        ("handler: mine.handle\n  enabled: 'No'", "handler: mine.handle\n  enabled: false"),
        ("handler: mine.handle\n  enabled: 'true'", "handler: mine.handle\n  enabled: true"),
        ("handler: mine.handle\n  tags: [1, x]", 'handler: mine.handle\n  tags: ["1", x]'),
        ("handler: mine.handle\n  formely: old", "handler: mine.handle\n  formerly: old"),
        ("handler: mine.handle\n  formerly: 12", 'handler: mine.handle\n  formerly: "12"'),
        ("handler: mine.handle\n  description: 0755", 'handler: mine.handle\n  description: "0755"'),
        (
            "handler: mine.handle\n  retry: {max_attempts: '3'}",
            "handler: mine.handle\n  retry: {max_attempts: 3}",
        ),
        ("handler: mine.handle\n  filter: !vip", 'handler: mine.handle\n  filter: "!vip"'),
        ("handler: mine.handle\n  filter: !vip && gold", 'handler: mine.handle\n  filter: "!vip && gold"'),
        ("handler: mine.handle\n  filter: `1` < age", 'handler: mine.handle\n  filter: "`1` < age"'),
        (
            "handler: mine.handle\n  filter: \"a-b\" == 'x'",
            "handler: mine.handle\n  filter: '\"a-b\" == ''x'''",
        ),
    ],
)
def test_an_unambiguous_fix_is_written(path: Path, wrong: str, right: str) -> None:
    text = f"{HEAD}- name: a # kept\n  type: t\n  {wrong}\n"
    assert mended(path, text) == f"{HEAD}- name: a # kept\n  type: t\n  {right}\n"
    assert run("--no-import").return_value == 0


@pytest.mark.parametrize(
    "text",
    [
        "handler: mine.handle\n  timeout: 30",
        "handler: mine.handle\n  filter: 3",
        "handler: mine.handle\n  filter: !vip && x # gold",
        "handler: mine.handle\n  retry: {max_attempts: '0'}",
        "handler: mine.handle\n  enabled: maybe",
        "handler: mine.handle\n  on_filter_error: true",
        "handler: mine.handle\n  nonsense: 1",
    ],
)
def test_an_ambiguous_mistake_is_not_fixed(path: Path, text: str) -> None:
    whole = f"{HEAD}- name: a\n  type: t\n  {text}\n"
    assert mended(path, whole) == whole


def test_line_ends_and_the_byte_order_mark_stay(path: Path) -> None:
    path.write_bytes(
        b"\xef\xbb\xbf"
        + f"{HEAD}- {{name: a, type: t, handlr: mine.handle}}\n".replace("\n", "\r\n").encode()
    )
    run("--fix")
    assert path.read_bytes() == b"\xef\xbb\xbf" + (
        f"{HEAD}- {{name: a, type: t, handler: mine.handle}}\n".replace("\n", "\r\n").encode()
    )


def test_the_difference_is_shown_before_the_findings_that_are_left(path: Path) -> None:
    path.write_text(HEAD + "- {name: a, type: t, handlr: mine.handle, nonsense: 1}\n")
    result = run("--fix", "--format", "concise")
    assert "-- {name: a, type: t, handlr: mine.handle, nonsense: 1}" in result.stderr
    assert "+- {name: a, type: t, handler: mine.handle, nonsense: 1}" in result.stderr
    assert result.stdout == 'routes.yaml:4:44: error[SR102]: unexpected key "nonsense" in a route\n'
    assert result.return_value == 1


def test_diff_shows_it_on_stdout_and_changes_nothing(path: Path) -> None:
    text = HEAD + "- {name: a, type: t, handlr: mine.handle}\n"
    path.write_text(text)
    result = run("--diff")
    assert result.stdout.startswith("--- routes.yaml\n+++ routes.yaml\n")
    assert result.return_value == 1
    assert path.read_text() == text


def test_diff_of_a_clean_file_is_empty(path: Path) -> None:
    path.write_text(HEAD + "- {name: a, type: t, handler: mine.handle}\n")
    result = run("--diff")
    assert (result.stdout, result.return_value) == ("", 0)


def test_a_file_changed_since_the_check_is_not_written(path: Path) -> None:
    path.write_text(HEAD + "- {name: a, type: t, handlr: mine.handle}\n")
    fixes = fixes_of(check(CheckOptions(imports=False)).report, [Path("routes.yaml")])
    path.write_text("version: 1\n")
    with pytest.raises(click.ClickException, match="changed since it was read"):
        write_all(fixes, [Path("routes.yaml")])
    assert path.read_text() == "version: 1\n"


def test_a_file_deleted_meanwhile_is_reported(path: Path) -> None:
    path.write_text(HEAD + "- {name: a, type: t, handlr: mine.handle}\n")
    fixes = fixes_of(check(CheckOptions(imports=False)).report, [Path("routes.yaml")])
    path.unlink()
    with pytest.raises(StreamrouteError, match=r"routes\.yaml cannot be written: No such file"):
        write_all(fixes, [Path("routes.yaml")])


def test_mode_and_link_of_a_file_stay(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_text(HEAD + "- {name: a, type: t, handlr: mine.handle}\n")
    real.chmod(0o640)
    path.symlink_to(real)
    run("--fix")
    assert path.is_symlink()
    assert "handler" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640
    files = sorted(entry.name for entry in tmp_path.iterdir() if entry.is_file())
    assert files == ["mine.py", "real.yaml", "routes.yaml"]


def test_nothing_is_written_through_a_link_out_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "version: 1\nstreams: {a: {grup: x}}\n"
    for name in ("other", "project"):
        (tmp_path / name).mkdir()
    (tmp_path / "other/routes.yaml").write_text(text)
    monkeypatch.chdir(tmp_path / "project")
    Path("link").symlink_to("../other")
    for allowed in ((), ("--allow-outside",)):
        for path in ("link", "link/routes.yaml"):
            assert run(path, "--fix", *allowed).return_value == 1
            assert (tmp_path / "other/routes.yaml").read_text() == text
    run("../other", "--fix")
    assert "group" in (tmp_path / "other/routes.yaml").read_text()


def test_an_ignored_rule_is_not_mended(path: Path) -> None:
    text = HEAD + "- {name: a, type: t, handlr: mine.handle}\n"
    path.write_text(text)
    run("--fix", "--ignore", "SR102")
    assert path.read_text() == text


def test_two_findings_at_one_place_are_mended_once(path: Path) -> None:
    """Routes that share a mapping by << share its error."""
    text = (
        "version: 1\nstreams: {bot_events: {}}\nx-a: &a {type: t, handlr: mine.handle}\n"
        "routes:\n- {<<: *a, name: a}\n- {<<: *a, name: b}\n"
    )
    assert mended(path, text) == text.replace("handlr", "handler")


def test_a_fixed_file_can_be_read(path: Path) -> None:
    text = f"{HEAD}- name: a\n  type: t\n  handler: mine.handle\n  filter: !a\\b\n"
    after = mended(path, text)
    loaded = load_text(after, "routes.yaml").source
    assert loaded is not None
    assert loaded.data["routes"][0]["filter"] == "!a\\b"


def test_mistakes_behind_a_syntax_error_are_fixed_in_the_same_run(path: Path) -> None:
    wrong = "- name: a\n  type: t\n  hanlder: mine.handle\n  enabled: on\n  filter: !vip && gold\n"
    right = '- name: a\n  type: t\n  handler: mine.handle\n  enabled: true\n  filter: "!vip && gold"\n'
    assert mended(path, HEAD + wrong) == HEAD + right


@pytest.mark.parametrize("option", ["--diff", "--fix"])
def test_a_password_beside_a_fix_is_not_shown(path: Path, option: str) -> None:
    path.write_text(f"redis: {{url: 'redis://me:s3cret@host'}}\ndefaults: {{validate: on}}\n{HEAD}")
    done = run(option, "--no-import")
    assert "+defaults: {validate: true}" in done.output
    assert "s3cret" not in done.output


def test_several_expressions_that_yaml_cannot_read_are_mended_in_one_run(path: Path) -> None:
    wrong = "- {{name: r{0}, type: t, handler: mine.handle, filter: a}}\n- name: s{0}\n  type: t\n"
    wrong += "  handler: mine.handle\n  filter: !vip && a{0}\n"
    text = HEAD + "".join(wrong.format(at) for at in range(20))
    assert mended(path, text) == "".join(
        f'  filter: "{line.removeprefix("  filter: ")}"\n' if "filter: !" in line else f"{line}\n"
        for line in text.splitlines()
    )


def test_a_file_with_another_syntax_error_is_not_changed(path: Path) -> None:
    text = f"{HEAD}- name: a\n  type: t\n  handler: mine.handle\n  filter: !vip && gold\n- [\n"
    assert mended(path, text) == text


@pytest.mark.parametrize("include", ["../other.yaml", "link.yaml", "up/other.yaml"])
@pytest.mark.parametrize("allowed", [(), ("--allow-outside",)])
def test_a_file_outside_the_configuration_s_folder_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, include: str, allowed: tuple[str, ...]
) -> None:
    other = "version: 1\nroutes: [{name: b, type: t, handlr: streamroute.handlers.log}]\n"
    (tmp_path / "other.yaml").write_text(other)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    Path("link.yaml").symlink_to("../other.yaml")
    Path("up").symlink_to("..")
    text = f"version: 1\nstreams: {{a: {{grup: x}}}}\ninclude: [{include}]\n"
    Path("routes.yaml").write_text(text)
    run("--fix", *allowed)
    assert (tmp_path / "other.yaml").read_text() == other
    assert Path("routes.yaml").read_text() == text.replace("grup", "group")
    assert "other.yaml" not in run("--diff", *allowed).stdout


def test_a_root_file_that_is_a_link_to_elsewhere_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "version: 1\nstreams: {a: {grup: x}}\n"
    (tmp_path / "other.yaml").write_text(text)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    Path("routes.yaml").symlink_to("../other.yaml")
    for allowed in ((), ("--allow-outside",)):
        run("--fix", *allowed)
        assert (tmp_path / "other.yaml").read_text() == text
