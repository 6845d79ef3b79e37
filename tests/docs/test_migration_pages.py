"""The programs that pages of migration start from run, where what they need is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import streamroute
from doc_blocks import blocks_of
from repository import ROOT

PAGES = ROOT / "streamroute" / "docs" / "migrate"
PRINTED = {
    "faststream": "thanks to ann\n",
    "taskiq": "champagne for ann\n",
    "celery": "invoice for order 7\n",
}


@pytest.mark.processes
@pytest.mark.parametrize("framework", PRINTED)
def test_what_is_left_does_what_comes_instead(framework: str, tmp_path: Path) -> None:
    package = pytest.importorskip(framework, reason=f"{framework} is not installed")
    [before] = [
        block
        for block in blocks_of(PAGES / f"{framework}.md")
        if "it needs" in block.directives.get("not run", "")
    ]
    done = subprocess.run(
        [sys.executable, "-c", before.text],
        env={"PYTHONPATH": str(Path(package.__file__).parents[1])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, PRINTED[framework]), done.stderr


@pytest.mark.parametrize("headers", [None, {"type": "order.paid"}])
async def test_entries_of_faststream_are_read(headers: dict[str, str] | None) -> None:
    parser = pytest.importorskip("faststream.redis.parser", reason="faststream is not installed")
    written = await parser.BinaryMessageFormatV1.encode(
        message={"guest": "ann"}, reply_to=None, headers=headers, correlation_id="c-1"
    )
    expected = {"guest": "ann", "type": "order.paid" if headers else "order.placed"}
    assert _codec_of_the_page().decode({b"__data__": written}) == expected


def test_entries_of_older_releases_are_read_and_written() -> None:
    codec = _codec_of_the_page()
    payload = {"guest": "ann", "type": "order.paid"}
    assert codec.decode(codec.encode(payload)) == payload


@pytest.mark.parametrize("raw", [b"", b"{", b"7", b"[]", b'{"data": "7"}', b"\x89BIN\r\n\x1a\n", b"\xff"])
def test_other_entries_are_dead_letters(raw: bytes) -> None:
    with pytest.raises(streamroute.DecodeError):
        _codec_of_the_page().decode({b"__data__": raw})


def _codec_of_the_page() -> Any:
    [block] = [each for each in blocks_of(PAGES / "faststream.md") if each.path == "faststream_entries.py"]
    module = ModuleType("faststream_entries")
    exec(block.text, vars(module))  # noqa: S102 - it is our own page
    return module.FastStreamEntries()
