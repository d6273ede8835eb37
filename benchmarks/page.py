"""P15: the page with a hundred routers, from its address to the frame that shows them, and its calls."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cluster import running
from benchmarks.measure import NotMeasurableError, Row, seconds
from dusk.cli.client import Client

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.network.cluster import Machine

DEVICES = 100
VISITS = 9
PAINT_S_MAX, CALL_MS_MAX = 1.0, 10.0
_SHOWN = """
new MutationObserver((_, seen) => {
    if (document.querySelectorAll('#view tbody tr').length < %d)
        return;
    seen.disconnect();
    requestAnimationFrame(() => setTimeout(() => { globalThis.duskShownMs = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
"""Notes when the frame with the last row has been drawn, in ms from the navigation's start."""


def rows() -> list[Row]:
    """P15: the page's first useful paint, and calls at the control socket."""
    with running(2, spare=DEVICES - 2) as site:
        router = site.nodes[1]
        return [_paint(router), *_calls(router)]


def _calls(router: "Machine") -> list[Row]:
    with closing(Client(router.root)) as client:
        took = {name: 1000 * seconds(partial(client.call, name)) for name in ("status", "device.list")}
    return [
        Row("P15", f"{name} at the socket, {DEVICES} devices", ms, "ms", limit=CALL_MS_MAX)
        for name, ms in took.items()
    ]


def _paint(router: "Machine") -> Row:
    name = f"the page's overview of {DEVICES} devices is painted"
    try:
        with _opened(router) as page:
            visits = sorted(_visit(page) for _ in range(VISITS))
    except NotMeasurableError as error:
        return Row("P15", name, None, "s", limit=PAINT_S_MAX, why_not=str(error))
    return Row("P15", name, visits[0], "s", limit=PAINT_S_MAX, samples=tuple(visits))


@contextmanager
def _opened(router: "Machine") -> Iterator["Page"]:
    """Open the page of a router as a person does, in a window of its own."""
    if shutil.which("chromium") is None:
        raise NotMeasurableError("there is no Chromium (Debian package chromium)")
    try:
        from tests.browser.page import browsing, serving  # noqa: PLC0415 - needs what only the tests install
    except ImportError as error:
        raise NotMeasurableError(f"no {error.name}: tools/setup.sh test") from None
    with serving(router) as url, browsing() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(url)
        page.wait_for_selector("#view tbody tr")
        page.add_init_script(_SHOWN % DEVICES)
        yield page


def _visit(page: "Page") -> float:
    """Return the seconds from the address to the paint."""
    page.reload()
    page.wait_for_function("() => globalThis.duskShownMs !== undefined")
    return float(page.evaluate("() => globalThis.duskShownMs")) / 1000
