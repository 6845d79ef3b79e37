"""A URL that names a pipe as a certificate file is rejected: opening it would block forever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamroute.adapters.redis.connection import open_redis
from streamroute.errors import SetupError


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
@pytest.mark.parametrize(("path", "kind"), [("pipe", "a pipe"), ("folder", "a folder"), ("link", "a device")])
async def test_special_files_are_not_opened(tmp_path: Path, name: str, path: str, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/dev/zero")
    for url in ("rediss://localhost:1", "redis+cluster://localhost:1"):
        with pytest.raises(SetupError, match=f"{name} in the URL of Redis names {kind}, not a file"):
            async with open_redis(f"{url}?{name}={tmp_path / path}", folder=tmp_path) as redis:
                await redis.ping()
