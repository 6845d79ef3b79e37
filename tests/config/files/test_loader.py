"""Files become plain data, or findings, in bounded time and space."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import yaml

from streamroute.config.files.loader import LoadedFile, load_bytes, load_file, load_text
from streamroute.system.opening import MAX_BYTES


def codes(loading: LoadedFile) -> list[str]:
    return [found.code for found in loading.findings]


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    loading = load_bytes(b"\xef\xbb\xbfversion: 1\n", "routes.yaml")
    assert loading.source is not None
    assert loading.source.data == {"version": 1}


def test_a_file_of_10_mb_is_read_and_a_larger_one_is_not() -> None:
    line = b"# comment\n"
    largest = b"version: 1\n" + line * ((MAX_BYTES - 11) // len(line))
    assert load_bytes(largest, "routes.yaml").findings == ()
    assert codes(load_bytes(largest + line, "routes.yaml")) == ["SR003"]


def test_a_folder_an_absent_and_an_unreadable_file_are_findings(tmp_path: Path) -> None:
    assert "folder" in load_file(tmp_path).findings[0].message
    assert "file not found" in load_file(tmp_path / "absent.yaml").findings[0].message
    assert codes(load_file(Path("a\0b"))) == ["SR001"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\n")
    path.chmod(0)
    assert load_file(path).findings[0].message == "permission denied"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_file_that_cannot_be_read_to_its_end_is_a_finding() -> None:
    assert "Input/output error" in load_file(Path("/proc/self/mem")).findings[0].message


def test_a_mappings_own_keys_override_merged_ones() -> None:
    text = "x-a: &a {k: 1, l: 2}\nx-b: &b {l: 3, m: 4}\none: {k: 0, <<: *a}\ntwo: {<<: [*a, *b], m: 5}\n"
    source = load_text(text, "routes.yaml").source
    assert source is not None
    assert source.data["one"] == {"k": 0, "l": 2}
    assert source.data["two"] == {"k": 1, "l": 2, "m": 5}


def test_a_quoted_merge_key_is_a_key() -> None:
    source = load_text("'<<': 1\na: {\"<<\": 2}\n", "routes.yaml").source
    assert source is not None
    assert source.data == {"<<": 1, "a": {"<<": 2}}


def test_an_anchored_merge_key_is_text_where_it_is_used_again() -> None:
    source = load_text("a: {&m <<: {b: 1}, c: *m}\n", "routes.yaml").source
    assert source is not None
    assert source.data == {"a": {"b": 1, "c": "<<"}}


def test_many_aliases_of_small_values_are_accepted() -> None:
    text = "x-a: &a {k: 1, l: 2}\nall:\n" + "- *a\n" * 20_000
    assert load_text(text, "routes.yaml").findings == ()


@pytest.mark.parametrize("form", ["- *a\n", "- {<<: *a}\n"])
def test_aliases_and_merges_that_explode_are_refused(form: str) -> None:
    keys = "".join(f"k{number}: 1, " for number in range(1000))
    text = f"x-a: &a {{{keys}}}\nall:\n" + form * 5000
    assert codes(load_text(text, "routes.yaml")) == ["SR008"]


@pytest.mark.parametrize("opener", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_before_it_costs_time(opener: str) -> None:
    assert codes(load_text("- " + opener * 1_000_000, "routes.yaml")) == ["SR011"]


def test_without_libyaml_files_are_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x [1, on, 'it''s', \"\\u00e9\"]\nb: {<<: {c: 1}, d: *x}\ne: |\n  f\n  g\n"
    quick = load_text(text, "routes.yaml").source
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    slow = load_text(text, "routes.yaml").source
    assert quick is not None
    assert slow is not None
    assert quick.data == slow.data
    assert quick.span(("b", "d")) == slow.span(("b", "d"))
    assert quick.span(("e",)) == slow.span(("e",))
    assert codes(load_text("a: [\n", "routes.yaml")) == ["SR004"]
