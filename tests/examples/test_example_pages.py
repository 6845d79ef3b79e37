"""The pages of examples do what they show, with the files beside them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from doc_blocks import blocks_of
from page_player import play_page
from repository import EXAMPLES
from servers import RealServer

LEFT_OUT = ("--exclude=__pycache__", "--exclude=.streamroute", "--exclude=*.db")


NEEDS = {"aiogram": "aiogram", "fastapi": "fastapi"}
"""The package that an example needs, which is installed where its other tests are run."""


@pytest.mark.processes
@pytest.mark.parametrize("name", ["aiogram", "cloudevents", "fastapi", "outbox", "webhooks"])
def test_the_page_of_an_example_does_what_it_shows(
    name: str, tmp_path: Path, valkey_server: RealServer
) -> None:
    valkey_server.command("FLUSHALL")
    source = f"tar -C {shlex.quote(str(EXAMPLES))} -c {' '.join(LEFT_OUT)} {name}"
    prepare = f"mkdir examples && {source} | tar -C examples -x"
    if name in NEEDS:
        package = pytest.importorskip(NEEDS[name], reason=f"{NEEDS[name]} is not installed")
        site = Path(package.__file__).parents[1]
        prepare += f" && export PYTHONPATH=$PYTHONPATH:{shlex.quote(str(site))}"
    play_page(blocks_of(EXAMPLES / name / "README.md"), tmp_path, valkey_server.url, prepare)
