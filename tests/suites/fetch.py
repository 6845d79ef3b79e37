"""Fetch the data of other projects that tests read into .suites: ``python tests/suites/fetch.py``.

Each archive is published by its project or its packagers and pinned by its digest. A folder that is already
there is kept.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SUITES = Path(__file__).parents[2] / ".suites"


@dataclass(frozen=True, slots=True)
class Archive:
    """A published tar file, and the folder of .suites that it is unpacked into."""

    folder: str
    url: str
    sha256: str


ARCHIVES = (
    Archive(  # the source of Debian's package of go-jmespath ships the compliance suite of JMESPath
        "go-jmespath",
        "https://deb.debian.org/debian/pool/main/g/golang-github-jmespath-go-jmespath"
        "/golang-github-jmespath-go-jmespath_0.4.0.orig.tar.gz",
        "aa86d00b6836345eee196c13df2df084a18e0b1159935de9289f2ef6a7fe375d",
    ),
    Archive(  # GitHub's examples of the payloads of its webhooks
        "webhooks-examples",
        "https://registry.npmjs.org/@octokit/webhooks-examples/-/webhooks-examples-7.6.1.tgz",
        "89e6cb1c6345d32e3dd775617fa54effbdc26c859e514898d7728e95e9738280",
    ),
)


def main() -> None:
    """Fetch what is not there yet; exits with a message if a digest is not the pinned one."""
    for archive in ARCHIVES:
        if not (SUITES / archive.folder).is_dir():
            _unpack(_downloaded(archive), SUITES / archive.folder)
    if not (SUITES / "jsonschema").is_dir():
        _unpack(_source_of_jsonschema(), SUITES / "jsonschema")


def _source_of_jsonschema() -> bytes:
    """The source distribution of jsonschema, which ships the JSON-Schema-Test-Suite."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "jsonschema"]
        subprocess.run([*pip, "-d", folder, "-r", HERE / "requirements.txt"], check=True)
        (path,) = Path(folder).iterdir()
        return path.read_bytes()


def _downloaded(archive: Archive) -> bytes:
    with urllib.request.urlopen(archive.url, timeout=60) as response:  # noqa: S310 - https
        content: bytes = response.read()
    if (found := hashlib.sha256(content).hexdigest()) != archive.sha256:
        sys.exit(f"{archive.url} has the digest {found}, not {archive.sha256}")
    return content


def _unpack(content: bytes, folder: Path) -> None:
    """Unpack beside the folder first, so that an interrupted run leaves no half of it."""
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(unfinished, filter="data")
    (top,) = unfinished.iterdir()
    top.rename(folder)
    unfinished.rmdir()


if __name__ == "__main__":
    main()
