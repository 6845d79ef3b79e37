"""Certificates for servers of the tests."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def self_signed(folder: Path, names: str = "DNS:localhost") -> tuple[Path, Path]:
    """A certificate for these names that nobody signed but itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    name = ["-subj", "/CN=localhost", "-addext", f"subjectAltName={names}"]
    output = ["-nodes", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", *name, *output], check=True, capture_output=True
    )
    key.chmod(0o600)
    return certificate, key


def tls_options(port: int, certificate: Path, key: Path) -> list[str]:
    """What makes a server speak TLS on this port, with clients that need no certificate of their own."""
    files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate]
    return ["--tls-port", str(port), "--tls-auth-clients", "no", *map(str, files)]
