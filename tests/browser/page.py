"""A real browser on the page of a real router: opened, clicked, looked at."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.capabilities import AXE
from tests.network.cluster import Machine

PROJECT = Path(__file__).parents[2]
SCREENSHOTS = PROJECT / "build/screenshots"
WAIT_MS = 30_000
_QUIET = (
    "--no-sandbox",  # as root in a container there is no other way
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


@contextmanager
def serving(router: Machine) -> Iterator[str]:
    """Run ``dusk web`` for a router; yields the address that it prints."""
    command = [
        sys.executable,
        "-m",
        "dusk",
        "--root",
        str(router.root),
        "--json",
        "web",
        "--listen",
        "127.0.0.1:0",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


class Watched:
    """One browser window, and what went wrong in it.

    Attributes:
        page: the window.
        faults: messages of the console, errors, and requests that left this machine.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.base = url.partition("/admin")[0]
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.faults: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.base, "data:")):
            self.faults.append(f"a request to {request.url}")

    def view(self, name: str) -> None:
        """Open a view, and wait until it is there."""
        self.page.goto(f"{self.base}/admin/services/dusk/{name}")
        self.page.wait_for_selector("#view h2")

    def shot(self, name: str) -> None:
        """Keep a picture of it in ``build/screenshots``."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def said(self) -> str:
        """Return all that the window says, and what went wrong in it."""
        try:
            words = self.page.locator("body").inner_text(timeout=1000)
        except PlaywrightError as error:
            words = f"nothing: {error}"
        return "\n".join([words, *self.faults])

    def press(self, title: str, place: str = "#view") -> None:
        """Press a button by its title."""
        self.page.locator(place).get_by_role("button", name=re.compile(f"^{re.escape(title)}$")).first.click()

    def log_in(self, user: str, password: str) -> None:
        """Fill in the form that asks who signs, and send it."""
        self.page.fill("#dusk-user", user)
        self.page.fill("#dusk-password", password)
        self.press("Log in", ".modal")

    def sets(self, key: str, value: str) -> None:
        """Fill in the fields of a setting of a section by name, and prepare it."""
        package, section, option = key.split(".")
        self.page.fill("#dusk-package", package)
        self.page.fill("#dusk-at-name", section)
        self.page.fill("#dusk-option", option)
        self.page.fill("#dusk-value", value)
        self.press("Prepare")

    def prepared(self) -> str:
        """Return what came of that, once it is known."""
        told = self.page.locator(".dusk-form p[role=status]", has_text="in the draft")
        told.wait_for()
        return told.inner_text()

    def throw_away(self) -> None:
        """Throw away all that was prepared, by whatever test."""
        self.page.locator("#view").get_by_role("button", name=re.compile("^Throw (all )?away$")).click()
        self.page.locator("#view p", has_text="You have prepared nothing").wait_for()

    def told(self, kind: str) -> str:
        """Return the newest line above the view of a kind, once there is one; dismisses it."""
        line = self.page.locator(f"#notifications .alert-message.{kind}").last
        line.wait_for()
        text = line.locator("p").inner_text()
        line.get_by_role("button").click()
        return text

    def looks(self, name: str) -> None:
        """Keep pictures of it, wide and as on a phone, light and dark; it fits into each window."""
        for shape, width in (("", 1280), ("-phone", 360)):
            self.page.set_viewport_size({"width": width, "height": 900 if width > 360 else 740})
            assert self.fits(), f"{name} is wider than {width} pixels"
            for colours in ("dark", "light"):
                self.page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
                self.shot(f"{name}{shape}-{colours}")
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def fits(self) -> bool:
        """Tell whether nothing is wider than the window."""
        width = self.page.viewport_size
        assert width is not None
        return bool(self.page.evaluate("() => document.documentElement.scrollWidth") <= width["width"])


def grave(page: Page) -> list[str]:
    """Return what axe finds serious or worse."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@contextmanager
def browsing() -> Iterator[Browser]:
    """Run Debian's Chromium without a window."""
    home: dict[str, str | float | bool] = {
        key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG")
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(_QUIET), env=home)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(router: Machine, browser: Browser) -> Iterator[Watched]:
    """Open the page of a router as a person does who reads the address on its terminal.

    Raises:
        AssertionError: something went wrong in the window, whatever was done there.
    """
    with serving(router) as url:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        watched = Watched(context, url)
        watched.page.goto(url)
        watched.page.wait_for_selector("#view h2")
        yield watched
        context.close()
    assert not watched.faults
