"""A mounted ConfigMap that changes as in Kubernetes: by exchanging one link.

Source: AtomicWriter, https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class ConfigMapVolume:
    """The folder where a ConfigMap is mounted; each file is a link through ``..data``."""

    def __init__(self, folder: Path, data: Mapping[str, str]) -> None:
        self.folder = folder
        self._number = 0
        folder.mkdir(parents=True)
        self.update(data)

    def update(self, data: Mapping[str, str]) -> None:
        """Replace the content in the kubelet's steps, and remove the folder that held the earlier one."""
        current = self.folder / "..data"
        before = current.readlink() if current.is_symlink() else None
        written = self._written(data)
        link = self.folder / "..data_tmp"
        link.symlink_to(written)
        link.replace(current)
        self._link_names(data)
        if before is not None:
            shutil.rmtree(self.folder / before)

    def _written(self, data: Mapping[str, str]) -> str:
        """Write the files to a new folder; return its name."""
        self._number += 1
        name = f"..{datetime.now(UTC):%Y_%m_%d_%H_%M_%S}.{self._number:010}"
        (self.folder / name).mkdir(mode=0o755)
        for key, text in data.items():
            (self.folder / name / key).write_text(text, encoding="utf-8")
        return name

    def _link_names(self, data: Mapping[str, str]) -> None:
        """Add links for new files, and remove those of files that are gone."""
        names = {path.name for path in self.folder.iterdir() if not path.name.startswith("..")}
        for name in data.keys() - names:
            (self.folder / name).symlink_to(f"..data/{name}")
        for name in names - data.keys():
            (self.folder / name).unlink()
