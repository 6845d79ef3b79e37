"""Included files: found beside the file that states them, each read once, in order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamroute.config.load import load_config
from streamroute.config.root_file import find_root

ROOT = "version: 1\nstreams: {a: }\n"


def write(path: Path, *, include: str = "", route: str = "", head: str = "version: 1\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    routes = f"routes: [{{name: {route}, type: t, handler: shop.{route}}}]\n" if route else ""
    path.write_text(f"{head}{f'include: {include}' if include else ''}\n{routes}", encoding="utf-8")


def names(root: Path) -> list[str]:
    loaded = load_config(root, env={})
    assert [str(found) for found in loaded.findings] == []
    assert loaded.document is not None
    return [route.name for route in loaded.document.routes]


def test_matches_are_sorted_and_the_root_comes_first(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="[features/*/routes.yaml, last.yaml]", route="root")
    for name in ("c", "a", "b"):
        write(tmp_path / f"features/{name}/routes.yaml", route=name)
    write(tmp_path / "last.yaml", route="last")
    assert names(tmp_path) == ["root", "a", "b", "c", "last"]


def test_paths_are_relative_to_the_file_that_states_them(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="[one/routes.yaml]", route="root")
    write(tmp_path / "one/routes.yaml", include="[two/*.yaml, ../beside.yaml]", route="one")
    write(tmp_path / "one/two/x.yaml", route="two")
    write(tmp_path / "beside.yaml", route="beside")
    assert names(tmp_path) == ["root", "one", "two", "beside"]


def test_a_file_that_two_others_include_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="[one.yaml, two.yaml]")
    write(tmp_path / "one.yaml", include="[shared.yaml]", route="one")
    write(tmp_path / "two.yaml", include="[shared.yaml]", route="two")
    write(tmp_path / "shared.yaml", route="shared")
    assert names(tmp_path) == ["one", "shared", "two"]


def test_a_wildcard_passes_over_its_own_file(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="['*.yaml']", route="root")
    write(tmp_path / "other.yaml", route="other")
    assert names(tmp_path) == ["root", "other"]


def test_two_stars_reach_any_depth(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="['**/feature.yaml']")
    write(tmp_path / "a/b/c/feature.yaml", route="deep")
    assert names(tmp_path) == ["deep"]


def test_a_cycle_is_a_finding_and_the_rest_is_read(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="[one.yaml]", route="root")
    write(tmp_path / "one.yaml", include="[two.yaml]", route="one")
    write(tmp_path / "two.yaml", include="[one.yaml]", route="two")
    loaded = load_config(tmp_path)
    assert [(found.code, Path(found.file).name) for found in loaded.findings] == [("SR016", "two.yaml")]
    assert loaded.document is not None
    assert [route.name for route in loaded.document.routes] == ["root", "one", "two"]


def test_a_cycle_through_a_link_is_seen(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="[link.yaml]")
    (tmp_path / "link.yaml").symlink_to("routes.yaml")
    assert [found.code for found in load_config(tmp_path).findings] == ["SR016"]


def test_a_long_chain_of_includes_is_read(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="[f0.yaml]")
    for number in range(1500):
        write(tmp_path / f"f{number}.yaml", include=f"[f{number + 1}.yaml]")
    write(tmp_path / "f1500.yaml", route="end")
    assert names(tmp_path) == ["end"]


def test_findings_of_every_file_come_in_one_run(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT + "unknown: 1\n", include="[one.yaml, two.yaml, absent.yaml]")
    (tmp_path / "one.yaml").write_text("version: 1\nroutes: [\n")
    (tmp_path / "two.yaml").write_text("version: 1\nstreams: {}\n")
    found = {(Path(each.file).name, each.code) for each in load_config(tmp_path).findings}
    assert found == {
        ("routes.yaml", "SR102"),
        ("routes.yaml", "SR015"),
        ("one.yaml", "SR004"),
        ("two.yaml", "SR109"),
    }


def test_a_fragment_finds_the_root_that_includes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="[features/*/routes.yaml]")
    write(tmp_path / "features/a/routes.yaml", include="[more.yaml]", route="a")
    write(tmp_path / "features/a/more.yaml", route="more")
    assert find_root(tmp_path / "features/a/routes.yaml") == tmp_path / "routes.yaml"
    assert find_root(tmp_path / "features/a/more.yaml") == tmp_path / "routes.yaml"
    monkeypatch.chdir(tmp_path / "features/a")
    assert find_root(Path("more.yaml")).samefile(tmp_path / "routes.yaml")


def test_a_file_that_no_root_includes_is_its_own(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT)
    write(tmp_path / "loose/routes.yaml", route="loose")
    assert find_root(tmp_path / "loose/routes.yaml") == tmp_path / "loose/routes.yaml"
    assert find_root(tmp_path / "routes.yaml") == tmp_path / "routes.yaml"
    assert find_root(tmp_path / "absent.yaml") == tmp_path / "absent.yaml"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another user")
def test_a_foreign_file_in_a_parent_folder_is_no_root(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="[mine/part.yaml]")
    write(tmp_path / "mine/part.yaml", route="mine")
    os.chown(tmp_path / "routes.yaml", 12345, -1)
    assert find_root(tmp_path / "mine/part.yaml") == tmp_path / "mine/part.yaml"
    os.chown(tmp_path / "mine/part.yaml", 12345, -1)
    assert find_root(tmp_path / "mine/part.yaml") == tmp_path / "routes.yaml"


def test_a_file_with_streams_is_its_own_root(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="[inner/routes.yaml]")
    write(tmp_path / "inner/routes.yaml", head=ROOT)
    assert find_root(tmp_path / "inner/routes.yaml") == tmp_path / "inner/routes.yaml"


def test_a_wildcard_passes_over_files_of_tests(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="['features/*.yaml']", route="root")
    write(tmp_path / "features/one.yaml", route="one")
    write(tmp_path / "features/one.test.yaml", route="never")
    assert names(tmp_path) == ["root", "one"]


def test_a_link_that_leads_nowhere_is_a_file_that_is_absent(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="['features/*.yaml', gone.yaml]")
    (tmp_path / "features").mkdir()
    (tmp_path / "features/a.yaml").symlink_to(tmp_path / "moved.yaml")
    (tmp_path / "gone.yaml").symlink_to("away.yaml")
    found = load_config(tmp_path, env={}).findings
    assert [(each.code, Path(each.file).name) for each in found] == [
        ("SR001", "a.yaml"),
        ("SR001", "gone.yaml"),
    ]


def test_a_path_through_a_link_is_read_where_the_link_leads(tmp_path: Path) -> None:
    write(tmp_path / "routes.yaml", head=ROOT, include="[near/../other.yaml]")
    write(tmp_path / "far/folder/routes.yaml")
    write(tmp_path / "far/other.yaml", route="far")
    write(tmp_path / "other.yaml", route="near")
    (tmp_path / "near").symlink_to(tmp_path / "far/folder")
    assert names(tmp_path) == ["far"]
