"""A headless Chromium that looks at a board, driven by selenium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from servers import wait_until

WIDE, NARROW = 1200, 360  # pixels
_HEIGHT = 900
_LONGEST_PATH = 400  # elements that take the focus before the one that a test looks for

_ARGUMENTS = (
    *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
    "--force-device-scale-factor=1",
)


def missing_programs() -> list[str]:
    """Return the programs of a browser test that are not installed."""
    return [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Start Chromium, and end it."""
    options = Options()
    options.binary_location = str(shutil.which("chromium"))
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    service = Service(shutil.which("chromedriver"), env=environment)
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


class Window:
    """A window of one person on the board at ``url``."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def reset(self) -> Self:
        """Forget the person, and show pages wide, light and with scripts."""
        self._command("Network.clearBrowserCookies")
        self.driver.get("about:blank")
        self.complaints()
        return self.width(WIDE).dark(False).scripts(True)

    def width(self, pixels: int) -> Self:
        """Make the window so wide."""
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=pixels, height=_HEIGHT, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        return self

    def dark(self, is_dark: bool) -> Self:
        """Prefer dark colours, or light ones."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self._command("Emulation.setEmulatedMedia", features=[scheme])
        return self

    def scripts(self, run: bool) -> Self:
        """Let pages run their scripts, or not; ``ask`` works in both cases."""
        self._command("Emulation.setScriptExecutionDisabled", value=not run)
        return self

    def open(self, path: str) -> Self:
        """Go to a page of the board; return when it has loaded."""
        self.driver.get(self.url + path)
        return self

    def ask(self, script: str, *arguments: Any) -> Any:
        """Return what JavaScript returns that runs in the page."""
        return self.driver.execute_script(script, *arguments)

    def text(self) -> str:
        """Return the visible text of the page, on one line."""
        return " ".join(str(self.ask("return document.body.innerText")).split())

    def html(self) -> str:
        """Return the page as it is now."""
        return str(self.ask("return document.documentElement.outerHTML"))

    def find(self, selector: str) -> WebElement:
        """Return the first element that a CSS selector finds."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def complaints(self) -> list[str]:
        """Return what the console has said since the last call: errors, and what the policy refused."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]  # selenium
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def press(self, *keys: str) -> Self:
        """Press keys one after another, wherever the focus is."""
        for key in keys:
            ActionChains(self.driver, duration=0).send_keys(key).perform()
        return self

    def replace(self, text: str) -> Self:
        """Type a text in place of the one in the field that has the focus."""
        keys = ActionChains(self.driver, duration=0)
        keys.key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).send_keys(text).perform()
        return self

    def tab_to(self, wanted: str) -> Self:
        """Press Tab until an element has the focus that matches a selector, or whose text begins so."""
        script = (
            "const e = document.activeElement, wanted = arguments[0];"
            "try { if (e.matches(wanted)) return true } catch {}"
            "return e !== document.body && e.innerText.trim().startsWith(wanted)"
        )
        for _ in range(_LONGEST_PATH):
            self.press(Keys.TAB)
            if self.ask(script, wanted):
                return self
        raise AssertionError(f"Tab does not lead to {wanted!r} on {self.driver.current_url}")

    def enter(self, until: str) -> Self:
        """Press Enter, and wait for the page whose address contains ``until`` to be loaded."""
        self.ask("document.documentElement.dataset.old = 'yes'")
        self.press(Keys.ENTER)
        loaded = (
            "return !('old' in document.documentElement.dataset) && document.readyState === 'complete'"
            " && location.href.includes(arguments[0])"
        )
        return self.wait(lambda: self.ask(loaded, until), f"a page at {until}")

    def wait(self, condition: Callable[[], Any], what: str) -> Self:
        """Wait until something is true of the page."""
        wait_until(condition, f"{what} on {self.driver.current_url}")
        return self

    def wait_for(self, text: str) -> Self:
        """Wait until the page shows a text."""
        return self.wait(lambda: text in self.text(), repr(text))

    def screenshot(self) -> bytes:
        """Return a PNG of the whole page."""
        height = int(self.ask("return document.documentElement.scrollHeight"))
        width = int(self.ask("return window.innerWidth"))
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=max(300, min(height, 2_000)), deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        image = self.driver.get_screenshot_as_png()
        self.width(width)
        return image

    def _command(self, name: str, **parameters: Any) -> None:
        self.driver.execute_cdp_cmd(name, parameters)
