"""The person on call: types commands, and uses the board as a browser does. All that they see is printed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from http.cookiejar import CookieJar
from typing import Final
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, OpenerDirector, ProxyHandler, Request, build_opener

from webpage import Form, WebPage

READING: Final = 6.0  # seconds that a person takes for a page, with --person
GLANCE: Final = 3.0  # for the output of a command
TYPING: Final = 5.0  # characters a second
LONGEST: Final = 120.0  # seconds to wait for anything
_WIDTH: Final = 150


class Person:
    """Somebody with a terminal and a browser; ``takes_time``: reads and types as fast as people do."""

    def __init__(self, folder: str, *, takes_time: bool) -> None:
        self._folder = folder
        self._takes_time = takes_time
        self._browser = _new_browser()
        self._address = ""
        self._page = WebPage("")
        self._began: float | None = None

    def woken(self) -> None:
        """Start the clock of the headings."""
        self._began = time.monotonic()

    def heading(self, text: str) -> None:
        """Print what comes, and the minutes and seconds since the alert."""
        if self._began is None:
            self.write(f"# {text}")
            return
        seconds = round(time.monotonic() - self._began)
        self.write(f"\n# {seconds // 60}:{seconds % 60:02} {text}")

    def write(self, text: str) -> None:
        """Print text."""
        sys.stdout.write(f"{self._shown(text)}\n")
        sys.stdout.flush()

    def spend(self, seconds: float) -> None:
        """Take time, if the person does."""
        if self._takes_time:
            time.sleep(seconds)

    def command(self, line: str, *, exit_code: int = 0) -> str:
        """Type a command, and read what it prints; return that. Fails if it exits with another code."""
        self.spend(len(line) / TYPING)
        self.write(f"$ {line}")
        began = time.monotonic()
        done = subprocess.run(  # noqa: S603 - the commands are those of this night
            shlex.split(line), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        took = time.monotonic() - began
        self.write("".join(f"{line}\n" for line in done.stdout.splitlines()) + f"({took:.1f} s)")
        if done.returncode != exit_code:
            raise SystemExit(f"the command exited with {done.returncode}")
        self.spend(GLANCE)
        return done.stdout

    def opens(self, address: str) -> None:
        """Type an address."""
        self.write(f"> opens {address}")
        self._load(address)

    def clicks(self, link: str) -> None:
        """Click the first link with this text, or whose text begins with it."""
        text = next(each for each in self._page.links if each == link or each.startswith(link))
        self.write(f"> clicks {text}")
        self._load(urljoin(self._address, self._page.links[text]))

    def submits(self, button: str, **fields: str) -> None:
        """Fill in fields of the form with this button, and press it."""
        for name, value in fields.items():
            self.spend(len(value) / TYPING)
            self.write(f"> types {'the token' if name == 'token' else value}")
        self.write(f"> presses {button}")
        form = self._page.form(button)
        self._send(replace(form, fields={**form.fields, **fields}))

    def sees(self, *beginnings: str, lines: int = 1) -> None:
        """Print the lines of the page that begin so, each with those that follow it (``lines`` in all)."""
        page = self._page.lines
        for beginning in beginnings:
            place = next((number for number, line in enumerate(page) if line.startswith(beginning)), None)
            if place is None:
                raise SystemExit(f"the page {self._address} does not show {beginning!r}: {page}")
            for line in page[place : place + lines]:
                self.write(f"  {_short(line)}")
        self.spend(READING)

    @property
    def signature(self) -> str:
        """The signature of the failure whose page is open."""
        return next(line for line in self._page.lines if line.startswith("Signature")).split()[-1]

    @property
    def first_letter(self) -> str:
        """The id of the first letter of the list that is open."""
        return next(text for text in self._page.links if re.fullmatch(r"\d+-\d+", text))

    def waits_until_page(self, shows: Callable[[Sequence[str]], bool]) -> None:
        """Look at the page until it shows something; it is live, so nobody presses a key."""
        until(lambda: shows(self._again().lines))

    def leaves(self) -> None:
        """Close the browser: its cookies are gone."""
        self._browser = _new_browser()

    def _shown(self, text: str) -> str:
        """Return a text with paths as seen from the folder."""
        return text.replace(f"{self._folder}/", "")

    def _again(self) -> WebPage:
        self._load(self._address)
        return self._page

    def _send(self, form: Form) -> None:
        address = urljoin(self._address, form.action)
        fields = urlencode(form.fields)
        is_post = form.method == "post"
        self._load(address if is_post else f"{address}?{fields}", fields.encode() if is_post else None)

    def _load(self, address: str, form: bytes | None = None) -> None:
        request = Request(address, form, {"Accept": "text/html"})  # noqa: S310 - the address of the board
        with self._browser.open(request, timeout=LONGEST) as answer:
            self._address = answer.url
            self._page = WebPage(self._shown(answer.read().decode()))


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something."""
    ends = time.monotonic() + LONGEST
    while not is_so():
        if time.monotonic() > ends:
            raise SystemExit("it did not come to that")
        time.sleep(0.1)


def _new_browser() -> OpenerDirector:
    return build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))


def _short(line: str) -> str:
    line = re.sub(r"( \| )+", " | ", line) if line.lstrip() == line else line
    line = re.sub(r"(?<=\S) +", " ", line)
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."
