"""The file of access tokens."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.board.access.identity import Identity, Role
from streamroute.board.access.token_file import create_token_file, read_tokens
from streamroute.errors import SetupError

SECRET = "s3cret-s3cret-s3cret"


def token_file(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "tokens"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def test_a_line_gives_a_token_a_name_and_a_role(tmp_path: Path) -> None:
    path = token_file(tmp_path, f"# comment\n\noperator alice {SECRET}\nviewer bob {SECRET}-2\n")
    tokens = read_tokens(path)
    assert tokens.find(SECRET) == Identity("alice", Role.OPERATOR)
    assert tokens.find(f"{SECRET}-2") == Identity("bob", Role.VIEWER)
    assert tokens.find("") is None
    assert tokens.find(SECRET[:-1]) is None
    assert tokens.find("\udcff") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file has no token"),
        (f"admin alice {SECRET}", ":1: the role must be viewer or operator"),
        ("operator alice", ":1: expected three words, ROLE NAME TOKEN, found 2"),
        (f"\noperator al/ice {SECRET}", ":2: the name may have"),
        ("operator alice short", ":1: the token must have 16 to 512"),
        (f"operator alice {'x' * 513}", ":1: the token must have 16 to 512"),
        (f"operator alice {SECRET}\nviewer bob {SECRET}", ":2: another line has the same name or the same"),
        (
            f"operator alice {SECRET}\nviewer alice {SECRET}2",
            ":2: another line has the same name or the same",
        ),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"#" * 300_000, "is larger than 256 KB"),
    ],
)
def test_an_invalid_file_is_refused_with_its_place(tmp_path: Path, text: str | bytes, problem: str) -> None:
    with pytest.raises(SetupError) as raised:
        read_tokens(token_file(tmp_path, text))
    assert problem in str(raised.value)
    assert SECRET not in str(raised.value)


@given(st.binary(max_size=200))
def test_any_content_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = token_file(tmp_path_factory.mktemp("tokens"), content)
    try:
        text = repr(read_tokens(path))
    except SetupError as error:
        text = str(error)
    assert "\n" not in text


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"others may read the token file .*; run: chmod 600"):
        read_tokens(token_file(tmp_path, f"operator alice {SECRET}", 0o640))


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SetupError, match="token file"):
        read_tokens(tmp_path / name)


def test_a_created_file_is_private_random_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "state" / "tokens"
    create_token_file(path, "alice")
    content = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    create_token_file(path, "bob")
    assert path.read_text() == content
    token = content.split()[-1]
    assert read_tokens(path).find(token) == Identity("alice", Role.OPERATOR)
    create_token_file(tmp_path / "other", "alice")
    assert token not in (tmp_path / "other").read_text()
