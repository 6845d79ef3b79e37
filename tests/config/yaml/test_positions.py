"""Where the values of a file stand."""

from __future__ import annotations

import pytest

from streamroute.config.yaml.positions import build_nodes


def test_the_later_of_two_equal_keys_counts() -> None:
    found = build_nodes("a: 1\nb: 2\na: 3\n").child("a")
    assert found is not None
    assert (found[0].start, found[1].value) == (10, "3")


def test_a_mappings_own_keys_precede_merged_ones() -> None:
    root = build_nodes("x: &x {a: 1, b: 2}\ny: {<<: *x, a: 3}\n")
    merging = root.child("y")
    assert merging is not None
    found = [merging[1].child(key) for key in ("a", "b", "c")]
    assert [each and each[1].value for each in found] == ["3", "2", None]
    assert root.child("<<") is None


@pytest.mark.timeout(60)
def test_each_of_many_keys_of_a_mapping_is_found_at_once() -> None:
    many = 30_000
    root = build_nodes("".join(f"key{at}: 1\n" for at in range(many)))
    assert all(root.child(f"key{at}") is not None for at in range(many))
    assert all(root.child(f"other{at}") is None for at in range(many))
