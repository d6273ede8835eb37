"""The page for who sees little, has no mouse, or has many routers."""

import json
import time
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from dusk.web.views import menu
from tests.browser.page import Watched, grave
from tests.network.cluster import PASSWORD, USER, Cluster

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium", "axe"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
]
ROUTERS, ENTRIES = 100, 1000
TABS_MAX = 80
SHOWN_MS_MAX = 10_000
"""A second is the aim (benchmarks); a machine under load is no failure."""


def test_no_view_keeps_anybody_out(cluster: Cluster, window: Watched) -> None:
    found: dict[str, list[str]] = {}
    places = [name for name, _ in menu()] + [f"device#{cluster.routers[1].name}"]
    for name in places:
        window.view(name)
        window.page.reload()
        window.page.wait_for_selector("#view h2")
        for colours in ("light", "dark"):
            window.page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
            if wrong := grave(window.page):
                found[f"{name}, {colours}"] = wrong
    assert not found


def _tab_to(page: Page, selector: str) -> None:
    for _ in range(TABS_MAX):
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not reach {selector}")


def test_a_setting_is_prepared_with_the_keyboard_alone(cluster: Cluster, window: Watched) -> None:
    page = window.page
    window.view("policies")
    _tab_to(page, "#dusk-new-policy")
    page.keyboard.type("keys")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Policy keys").wait_for()
    for field, text in (("package", "system"), ("at-name", "ntp"), ("option", "enabled"), ("value", "1")):
        _tab_to(page, f"#dusk-{field}")
        page.keyboard.type(text)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#dusk-user").wait_for()
    page.keyboard.press("Escape")
    assert page.locator(".modal").count() == 0
    page.wait_for_function("() => document.activeElement.matches('button')")  # as soon as its work has ended
    page.keyboard.press("Enter")
    page.locator("#dusk-user").wait_for()
    page.keyboard.type(USER)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    window.prepared()
    window.view("edits")
    window.throw_away()


def _many(said: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with its first router or entry a hundred, or a thousand, times."""
    result = said.get("result") or {}
    if result.get("devices"):
        result["devices"] = [
            {**result["devices"][0], "name": f"r-{n:03}", "id": f"{n:032x}"} for n in range(ROUTERS)
        ]
    if result.get("entries"):
        result["entries"] = [{**result["entries"][0], "seq": n} for n in range(ENTRIES, 0, -1)]
    return said


def test_a_hundred_routers_and_a_thousand_edits_are_shown_at_once(cluster: Cluster, window: Watched) -> None:
    page = window.page

    def multiply(route: Route) -> None:
        answers = json.loads(route.fetch().body())
        route.fulfill(
            json=[{**one, "result": [one["result"][0], *map(_many, one["result"][1:])]} for one in answers]
        )

    page.route("**/ubus", multiply)
    took: dict[str, float] = {}
    for view, last in (("overview", f"r-{ROUTERS - 1:03}"), ("edits", "1")):
        began_s = time.monotonic()
        window.view(view)
        role = "link" if view == "overview" else "button"
        page.get_by_role(role, name=last, exact=True).wait_for(timeout=SHOWN_MS_MAX)  # type: ignore[arg-type]  # both are roles
        took[view] = round(1000 * (time.monotonic() - began_s))
    print(took)
    page.set_viewport_size({"width": 360, "height": 740})
    assert window.fits()
    page.unroute_all(behavior="ignoreErrors")
