"""Signatures of webhooks: an HMAC of the body, keyed with a secret that the sender knows."""

from __future__ import annotations

import hmac
from hashlib import sha256


def is_signed(body: bytes, signature: str, secret: bytes) -> bool:
    """Whether ``signature`` is ``sha256=`` and the HMAC of the body, in hexadecimal.

    Source: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    expected = "sha256=" + hmac.new(secret, body, sha256).hexdigest()
    # Bytes, since compare_digest() raises for text that is not ASCII; it takes the same time for all.
    return hmac.compare_digest(expected.encode(), signature.encode())
