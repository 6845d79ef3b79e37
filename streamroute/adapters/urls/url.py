"""The address of a server, parsed from its URL and shown without passwords."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from streamroute.adapters.urls.problems import UrlProblem, problem_of
from streamroute.adapters.urls.redaction import redact, redact_written
from streamroute.errors import SetupError
from streamroute.system.opening import EMBEDDED_FOLDER


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed URL: an external server, or the data folder of the embedded one.

    ``written`` is the URL as in the configuration, if it contains variables: messages show their names
    instead of their values.
    """

    url: str = field(repr=False)
    data_folder: Path | None = None
    written: str | None = field(default=None, repr=False)

    @property
    def is_embedded(self) -> bool:
        """Whether this is the embedded server."""
        return self.data_folder is not None

    @property
    def has_password(self) -> bool:
        """Whether the URL contains a password."""
        login = self.url.partition("://")[2].rpartition("@")[0]
        return ":" in login or "password=" in self.url

    @property
    def is_tls(self) -> bool:
        """Whether the connection uses TLS."""
        return self.url.startswith("rediss")

    def __str__(self) -> str:
        if self.written is not None:
            return redact_written(self.written)
        return f"embedded:{self.data_folder}" if self.is_embedded else redact(self.url)


def read_address(url: str, *, folder: Path, written: str | None = None) -> Address:
    """Parse a URL; ``embedded:DIR`` is relative to ``folder``, the folder of the configuration.

    ``written`` is the URL as in the configuration, if it contains variables. Raises AddressError for an
    invalid URL.
    """
    problem = problem_of(url)
    if problem is not None:
        raise AddressError(url, problem, written)
    scheme, _, rest = url.partition(":")
    data_folder = None
    if scheme == "embedded":
        data_folder = Path(folder, os.path.expanduser(rest or EMBEDDED_FOLDER))  # noqa: PTH111 - never raises
    return Address(url, data_folder, written)


class AddressError(SetupError):
    """Raised for an invalid URL of a server; the message shows the URL without passwords.

    ``shown`` is the redacted URL, ``correction`` the corrected URL, or None if it has a password; ``problem``
    quotes neither.
    """

    def __init__(self, url: str, problem: UrlProblem, written: str | None = None) -> None:
        self.shown = redact(url) if written is None else redact_written(written)
        self.problem = problem
        correction = problem.correction
        self.correction = correction if correction and redact(correction) == correction else None
        super().__init__(f"the URL of Redis, {self.shown!r}, {problem.text}; {problem.advice}")
