"""The changes of files from one generation to another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamroute.ops.generations.file_changes import FileChange, file_changes
from streamroute.system.file_record import FileRecord


def record(folder: str = "/w", **files: bytes) -> FileRecord:
    contents = {name.replace("_", "/") + ".yaml": content for name, content in files.items()}
    return FileRecord("routes.yaml", folder, None, contents, {}, {}, {}, {})


def test_changed_added_and_removed_files_are_shown_line_by_line() -> None:
    old = record(routes=b"a\nb\nc\n", gone=b"x\n", same=b"s\n")
    new = record(routes=b"a\nB\nc\n", features_new=b"y\n", same=b"s\n")
    assert file_changes(old, new) == [
        FileChange("features/new.yaml", ("@@ -0,0 +1 @@", "+y")),
        FileChange("gone.yaml", ("@@ -1 +0,0 @@", "-x")),
        FileChange("routes.yaml", ("@@ -1,3 +1,3 @@", " a", "-b", "+B", " c")),
    ]


def test_the_folder_of_a_generation_does_not_matter() -> None:
    assert file_changes(record("/w/1", routes=b"a"), record("/w/2", routes=b"a")) == []


def test_secrets_are_hidden() -> None:
    [change] = file_changes(record(routes=b"url: x"), record(routes=b"url: redis://user:secret@host/0"))
    assert "secret" not in str(change.lines)


def test_large_and_binary_files_are_not_compared() -> None:
    for content in (b"\xff", b"x" * 1_000_001, b"\n" * 5_001):
        [change] = file_changes(record(routes=b"a"), record(routes=content))
        assert change.lines == ()
        assert change.note == "it is too large, or not text, to compare line by line"


def test_the_number_of_lines_is_bounded() -> None:
    [change] = file_changes(record(), record(routes=b"\n".join(b"%d" % n for n in range(3_000))))
    assert len(change.lines) == 2_000
    assert change.note == "1001 more lines are not shown"


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_equal_files_alone_have_no_change(old: bytes, new: bytes) -> None:
    assert (file_changes(record(routes=old), record(routes=new)) == []) is (old == new)
