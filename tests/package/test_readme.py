"""What the README shows is true: its files, its commands and their output."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from repository import DOCS, ROOT
from streamroute.manual.addresses import REPOSITORY

_BLOCK = re.MULTILINE | re.DOTALL
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    """The README's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, _BLOCK)


def marked(name: str) -> str:
    """The command under a marker, which CI runs as it stands."""
    found = re.search(rf"^<!-- {name} -->\n```sh\n(.*?)\n```$", README, _BLOCK)
    assert found, f"the README has no block {name}"
    return found[1]


def test_the_routes_shown_first_are_those_of_the_example() -> None:
    shown = fenced("yaml")[0]
    path, content = shown.split("\n", 1)
    actual = (ROOT / path.removeprefix("# ")).read_text(encoding="utf-8")
    assert content == re.sub(r"\A# yaml-language-server:.*\n", "", actual)


def test_the_main_job_prints_what_is_shown(tmp_path: Path) -> None:
    """The command as it stands, but with this interpreter in the place of the new environment's."""
    shutil.copytree(
        ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns(".streamroute", "__pycache__")
    )
    command = shlex.split(marked("main-job").split("&&")[-1])
    assert command[0] == ".venv/bin/streamroute"
    done = subprocess.run(
        [sys.executable, "-m", "streamroute", *command[1:]],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, fenced("text")[0]), done.stderr


def test_check_prints_what_is_shown(tmp_path: Path) -> None:
    config = next(block for block in fenced("yaml") if block.startswith("# check-demo/"))
    (tmp_path / "routes.yaml").write_text(config.split("\n", 1)[1], encoding="utf-8")
    (tmp_path / "shop").mkdir()
    handlers = "async def welcome(payload): ...\nasync def thank(payload): ...\n"
    (tmp_path / "shop" / "handlers.py").write_text(handlers, encoding="utf-8")
    assert session("check-demo", tmp_path) == 1


def session(name: str, folder: Path) -> int:
    """Run the command of a console block and compare its output; returns the exit code."""
    found = re.search(rf"^<!-- {name} -->\n```console\n\$ streamroute (.*?)\n(.*?)^```$", README, _BLOCK)
    assert found, f"the README has no session {name}"
    done = subprocess.run(
        [sys.executable, "-m", "streamroute", *shlex.split(found[1])],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.stdout.rstrip() == found[2].rstrip(), done.stderr
    return done.returncode


def test_the_program_publishes_and_handles_an_event(tmp_path: Path) -> None:
    """As it stands, in a copy of the example that the README shows."""
    folder = shutil.copytree(
        ROOT / "examples" / "bookings",
        tmp_path / "bookings",
        ignore=shutil.ignore_patterns(".streamroute", "__pycache__"),
    )
    program = next(block for block in fenced("python") if block.startswith("# program.py\n"))
    outbox = tmp_path / "outbox"
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), "OUTBOX": str(outbox)},
        timeout=240,
        check=True,
    )
    assert "ada@example.com: welcome back, Ada\n" in outbox.read_text(encoding="utf-8")


def test_both_commands_set_up_everything_themselves() -> None:
    for name in ("main-job", "tests"):
        assert marked(name).startswith("python3 -m venv .venv && .venv/bin/pip install -q ")


@pytest.mark.parametrize("block", fenced("python"))
def test_python_that_is_shown_is_python(block: str) -> None:
    shown = ast.parse(f"async def shown():\n{re.sub(r'^', '    ', block, flags=re.MULTILINE)}")
    assert len(shown.body) == 1


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 250


def test_its_numbers_are_those_of_the_measurements() -> None:
    """The tables of ``about/faults.md``, ``about/speed.md`` and of the deploys have the same."""
    faults = (DOCS / "about" / "faults.md").read_text(encoding="utf-8")
    [(messages, lost, usual)] = re.findall(
        r"^\| all \| ([\d,]+) \| (\d+) \| \d+ \| \| ([\d,]+ of [\d,]+) ", faults, re.MULTILINE
    )
    assert f"**{lost} of {messages}** messages were lost" in README
    assert f"lost {usual}." in README
    speed = (DOCS / "about" / "speed.md").read_text(encoding="utf-8")
    [(rate, ratio)] = re.findall(r"^\| streamroute \| ([\d,]+) \| ([\d.]+) \|", speed, re.MULTILINE)
    assert f"**{ratio}** times the throughput" in README
    assert f"{rate} messages a second" in README
    deploys = (ROOT / "examples" / "deploy" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [\w ,]+ \| ([\d,]+) \| (\d+) \|", deploys, re.MULTILINE)
    total = sum(int(sent.replace(",", "")) for sent, _ in rows)
    assert {missing for _, missing in rows} == {"0"}
    assert f"**0 of {total:,}** messages were lost" in README
    assert f"[{len(rows)} kinds of deploys]" in README


# Links

LINKS = ("link_open", "image")
REPOSITORY_FILES = (
    f"{REPOSITORY}/blob/main/",
    f"{REPOSITORY.replace('github.com', 'raw.githubusercontent.com')}/main/",
)


def test_its_links_work_on_the_page_of_a_package_index() -> None:
    """They are absolute, and those into the repository lead to files and headings of this checkout."""
    defined: dict[str, Any] = {}
    tokens = [
        child
        for token in MarkdownIt().enable("table").parse(README, defined)
        for child in token.children or ()
    ]
    links = {str(token.attrs.get("href") or token.attrs["src"]) for token in tokens if token.type in LINKS}
    assert {reference["href"] for reference in defined["references"].values()} <= links
    assert not [
        token.content for token in tokens if token.type == "text" and re.search(r"\[\w", token.content)
    ]
    for link in links:
        assert link.startswith("https://"), link
        if link.startswith(REPOSITORY_FILES):
            path, _, heading = link.split("/main/", 1)[1].partition("#")
            assert (ROOT / path).exists(), path
            assert not heading or heading in headings(ROOT / path), link


PAGES = sorted((ROOT / "examples").rglob("README.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text(encoding="utf-8"))
    assert links
    for path, heading in links:
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not heading or heading in headings(target), f"{path}#{heading}"


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
