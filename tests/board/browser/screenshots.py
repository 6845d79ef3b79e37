"""Make a screenshot of every page, empty and busy, light and dark: ``python screenshots.py FOLDER``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

_ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests/support")]

from busy_shop import shop  # noqa: E402 - found by the line above
from chromium import NARROW, WIDE, Window, chromium  # noqa: E402 - found by the line above

if TYPE_CHECKING:
    from busy_shop import Shop


def main(folder: Path) -> None:
    """Write ``PAGE-STATE-SCHEME.png`` for each page; the narrow ones end in ``-narrow``."""
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as driver, tempfile.TemporaryDirectory() as project:
        for state in ("empty", "busy"):
            with shop(Path(project, state), is_busy=state == "busy") as made:
                _take(Window(driver, made.url).reset(), made, folder, state)


def _take(window: Window, made: Shop, folder: Path, state: str) -> None:
    (folder / f"login-{state}.png").write_bytes(window.open("/login").screenshot())
    window.open(f"/login?token={made.token}")
    for name, path in made.paths.items():
        for is_dark in (False, True):
            window.dark(is_dark).open(path)
            scheme = "dark" if is_dark else "light"
            (folder / f"{name}-{state}-{scheme}.png").write_bytes(window.screenshot())
        image = window.dark(False).width(NARROW).open(path).screenshot()
        (folder / f"{name}-{state}-narrow.png").write_bytes(image)
        window.width(WIDE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
