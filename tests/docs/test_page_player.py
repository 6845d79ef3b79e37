"""The player of pages: it plays what its docstring promises, and tells where a page is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from doc_blocks import parse_blocks
from page_player import PageError, play_page, require_output

if TYPE_CHECKING:
    from pathlib import Path

FILES = """
# Page

```sh
mkdir shop && cd shop
export WORD=here
```

```python
# jobs.py
async def handle(payload): ...
```

<!-- file: events.jsonl -->
```json
{"type": "t"}
```

```console
$ echo $WORD \\
  and there
here and there
$ ls ../shop .
.:
...

../shop:
...
jo...s.py
$ true
```

```python
import asyncio
import jobs

await asyncio.sleep(0)
print("played")
```

<!-- output -->
```text
played
```

<!-- not run: it would end the machine -->
```sh
false
```

<!-- exit: 3 -->
```sh
exit 3
```
"""


def test_files_commands_and_scripts_share_a_folder(tmp_path: Path) -> None:
    play_page(parse_blocks(FILES), tmp_path, "unix:///nowhere")
    assert (tmp_path / "work/shop/jobs.py").read_text().startswith("# jobs.py\n")
    assert (tmp_path / "work/shop/events.jsonl").is_file()


def test_a_background_command_is_ended_with_its_page(tmp_path: Path) -> None:
    page = "<!-- background: ready -->\n```sh\necho $$ >pid; echo ready; sleep 600; echo no\n```\n"
    play_page(parse_blocks(f"{page}\n```console\n$ kill -0 $(cat pid)\n```\n"), tmp_path, "")
    pid = (tmp_path / "work/pid").read_text().strip()
    (tmp_path / "again").mkdir()
    with pytest.raises(PageError, match="exit code 1"):
        play_page(parse_blocks(f"```sh\nkill -0 {pid}\n```"), tmp_path / "again", "")


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```sh\nfalse\n```", "line 1, ```sh: false: exit code 1, not 0"),
        ("\n```console\n$ echo a\nb\n```", r"line 2(?s:.*)shows\nb\n--- but printed was\na"),
        ("```console\n$ echo a\n```", "but printed was\na"),
        ("```console\n$ false\n$ echo a\na\n```", "false: exit code 1"),
        ("<!-- exit: 1 -->\n```sh\ntrue\n```", "exit code 0, not 1"),
        ("```python\nraise ValueError(7)\n```", "ValueError: 7"),
        ("```python\n# a/b.py\ndef (\n```", "invalid syntax"),
        ("```yaml\na: [\n```", "expected the node content"),
        ("```json\n{]\n```", "line 1, ```json"),
        ("<!-- file: ../x.txt -->\n```text\n```", "outside of the page's folder"),
        ("<!-- background: ready -->\n```sh\necho no\n```", "ended without 'ready'"),
        ("```sh\npip install numpy\n```", "not played: pip install numpy"),
    ],
)
def test_what_is_not_as_shown_is_an_error_with_its_line(tmp_path: Path, page: str, message: str) -> None:
    with pytest.raises(PageError, match=message):
        play_page(parse_blocks(page), tmp_path, "")


@pytest.mark.parametrize("page", ["<!-- exit: 1 -->\ntext\n", "<!-- not run: why -->\n"])
def test_a_directive_without_a_block_is_an_error(page: str) -> None:
    with pytest.raises(ValueError, match="directive"):
        parse_blocks(page)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("1700000000000-0", "1712345678901-3"),
        ("at 2026-01-01T10:00:00+00:00", "at 2025-12-31 23:59:59"),
        ("...", ""),
        ("a\n...\nb", "a\nb"),
        ("a\n...\nb", "a\n1\n2\nb"),
        ("a\n...", "a"),
        ("took ...s.", "took 0.5s."),
    ],
)
def test_what_differs_from_run_to_run_is_equal(shown: str, printed: str) -> None:
    require_output(shown, printed)


@pytest.mark.parametrize(("shown", "printed"), [("a", "a\nb"), ("a...b", "a\nb"), ("a.c", "abc"), ("", "a")])
def test_anything_else_is_not(shown: str, printed: str) -> None:
    with pytest.raises(PageError):
        require_output(shown, printed)
