"""Records of actions: whatever an entry holds, it is read as bounded text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.audit.record import AuditRecord


def fields_of(record: AuditRecord) -> dict[bytes, bytes]:
    parts = [part.encode() for part in record.write()]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@given(st.integers(0, 10**15) | st.none(), st.text(st.characters(categories=["L", "N"]), max_size=50))
def test_what_is_written_is_read(count: int | None, words: str) -> None:
    record = AuditRecord(action="drop", who="ann", target=words, count=count, result="done", reason=words)
    assert AuditRecord.read(fields_of(record)) == record


def test_a_text_is_one_bounded_line_without_a_password() -> None:
    record = AuditRecord(
        action="pause", who="a\x1b[31m\nb", reason="see redis://ann:secret@host " + "x" * 9999
    )
    read = AuditRecord.read(fields_of(record))
    assert read.who == r"a\x1b[31m\nb"
    assert "secret" not in read.reason
    assert len(read.reason) <= 500


@given(
    st.dictionaries(st.sampled_from([b"who", b"action", b"count", b"result", b"x"]), st.binary(max_size=40))
)
def test_an_entry_of_another_program_is_read_as_text(fields: dict[bytes, bytes]) -> None:
    read = AuditRecord.read(fields)
    assert read.count is None or read.count >= 0


def test_a_huge_field_is_cut() -> None:
    read = AuditRecord.read({b"who": b"w" * 5_000_000, b"count": b"9" * 5_000})
    assert len(read.who) <= 200
    assert read.count is None
