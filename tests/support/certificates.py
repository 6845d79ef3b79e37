"""TLS certificates for the test servers."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def self_signed(folder: Path, names: str = "DNS:localhost") -> tuple[Path, Path]:
    """Create a self-signed certificate for these names; return its path and its key's."""
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
    """Return server options for TLS on this port, without client certificates."""
    files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate]
    return ["--tls-port", str(port), "--tls-auth-clients", "no", *map(str, files)]
