"""A scraper of the metrics of a running ``serve``."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

from servers import wait_until

if TYPE_CHECKING:
    from projects import Running

Samples = dict[Any, float]


class Scraper:
    """Scrapes a running service."""

    def __init__(self, running: Running) -> None:
        running.expect_log("metrics are at http://")
        found = re.search(r"metrics are at (http://127\.0\.0\.1:\d+)/metrics", running.err)
        assert found
        self.url = found[1]

    def get(self, page: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(f"{self.url}{page}", headers=headers)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with closing(error):
                return error.code, error.read().decode()

    def samples(self) -> Samples:
        return {
            (sample.name.removeprefix("streamroute_"), *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(self.get("/metrics")[1])
            for sample in family.samples
        }

    def until(self, condition: Callable[[Samples], bool], what: str) -> Samples:
        """Scrape until the condition holds; return the last samples."""
        wait_until(lambda: condition(self.samples()), what, timeout=60)
        return self.samples()
