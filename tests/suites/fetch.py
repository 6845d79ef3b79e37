"""Fetch the suites of other projects that tests read into .suites: ``python tests/suites/fetch.py``.

Each comes from a source distribution that ships it, by the package manager and from the mirrors that the
machine is configured for: JSON Schema's by pip, JMESPath's by apt. A folder that is already there is kept.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
SUITES: Final = HERE.parents[1] / ".suites"
APT: Final = Path("/etc/apt")
PACKAGE: Final = "golang-github-jmespath-go-jmespath"


def main() -> None:
    """Fetch what is not there yet; exits with a message if it cannot be fetched."""
    if not (SUITES / "jsonschema").is_dir():
        unpack(source_of_jsonschema(), SUITES / "jsonschema")
    if not (SUITES / "go-jmespath").is_dir():
        unpack(source_of_go_jmespath(), SUITES / "go-jmespath")


def source_of_jsonschema() -> bytes:
    """Return the source distribution of jsonschema, which ships the JSON-Schema-Test-Suite."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "jsonschema"]
        subprocess.run([*pip, "-d", folder, "-r", HERE / "requirements.txt"], check=True)
        (path,) = Path(folder).iterdir()
        return path.read_bytes()


def source_of_go_jmespath() -> bytes:
    """Return Debian's source of go-jmespath, which ships JMESPath's compliance suite; apt checks its digest.

    Works without root, and changes nothing of the machine's apt: its lists and caches are a temporary folder.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("sources", "lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True)
        for file in (
            *APT.glob("sources.list.d/*.sources"),
            *APT.glob("sources.list.d/*.list"),
            *APT.glob("*.list"),
        ):
            text = with_sources(file.read_text(encoding="utf-8"))
            (folder / "sources" / file.name).write_text(text, encoding="utf-8")
        options = {
            "Dir::Etc::SourceList": "/dev/null",
            "Dir::Etc::SourceParts": f"{folder}/sources",
            "Dir::State::Lists": f"{folder}/lists",
            "Dir::Cache": f"{folder}/cache",
        }
        apt = ["apt-get", "-qq", *(f"-o{key}={value}" for key, value in options.items())]
        subprocess.run([*apt, "update"], check=True)
        # The archive is all that is needed: the package's own patch may be missing on a mirror.
        subprocess.run([*apt, "source", "--download-only", "--tar-only", PACKAGE], check=True, cwd=folder)
        (path,) = folder.glob("*.orig.tar.*")
        return path.read_bytes()


def with_sources(text: str) -> str:
    """Return a file of apt's sources, in either format, with source packages enabled."""
    text = re.sub(r"^Types: deb$", "Types: deb deb-src", text, flags=re.MULTILINE)
    return re.sub(r"^deb (.*)$", r"deb \1\ndeb-src \1", text, flags=re.MULTILINE)


def unpack(content: bytes, folder: Path) -> None:
    """Unpack beside the folder first, so that an interrupted run leaves no half of it."""
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(unfinished, filter="data")
    (top,) = unfinished.iterdir()
    top.rename(folder)
    unfinished.rmdir()


if __name__ == "__main__":
    main()
