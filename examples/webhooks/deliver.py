"""Deliver a webhook as GitHub does: ``python deliver.py [PORT]``."""

from __future__ import annotations

import hmac
import http.client
import json
import os
import sys
from contextlib import closing

OPENED = {
    "action": "opened",
    "issue": {"number": 7, "title": "The lift is stuck", "labels": []},
    "repository": {"full_name": "guests/inn", "default_branch": "main"},
}


def main() -> None:
    """Send one delivery, and print the answer."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    body = json.dumps(OPENED).encode()
    signature = hmac.new(os.environ["WEBHOOK_SECRET"].encode(), body, "sha256").hexdigest()
    headers = {
        "X-GitHub-Event": "issues",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("POST", "/github", body, headers)
        answer = connection.getresponse()
        print(answer.status, answer.read().decode())


if __name__ == "__main__":
    main()
